using System.Text.Json.Nodes;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tests.Models;
using TemporaryFolder = FineTuneTool.TestKit.TemporaryFolder;

namespace FineTuneTool.Engine.Tests.Adapters;

/// <summary>Prefixes and prompts: what stands before every document.</summary>
public class VirtualTokenTests
{
    [Theory]
    [InlineData("prefix")]
    [InlineData("projected prefix")]
    [InlineData("prompt")]
    public void Tokens_over_a_cache_see_what_whole_documents_see(string kind)
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        using Adapter adapter = Make(kind, decoder);
        decoder.ActiveAdapter = adapter;
        int[] ids = [5, 9, 20, 31, 7, 7, 12, 30, 1, 2];
        float[] expected = ModelGolden.Logits(decoder, ModelGolden.Whole(ids)), logits = new float[37];
        using KvCache cache = decoder.CreateCache(ids.Length);
        for (int time = 0; time < 2; time++)
        {
            decoder.Append(cache, ids.AsSpan(0, 4), logits);
            ModelGolden.Near(expected.AsSpan(3 * 37, 37), logits, 2e-5, "first tokens");
            for (int i = 4; i < ids.Length; i++)
            {
                decoder.Append(cache, [ids[i]], logits);
                ModelGolden.Near(expected.AsSpan(i * 37, 37), logits, 2e-5, $"token {i}");
            }

            cache.Reset();
        }

        // Without the adapter a cache begins where it did before.
        decoder.ActiveAdapter = null;
        expected = ModelGolden.Logits(decoder, ModelGolden.Whole(ids));
        decoder.Append(cache, ids, logits);
        ModelGolden.Near(expected.AsSpan(9 * 37, 37), logits, 2e-5, "base");
    }

    [Theory]
    [InlineData("prefix")]
    [InlineData("prompt")]
    public void Every_packed_document_is_as_it_is_alone(string kind)
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        using Adapter adapter = Make(kind, decoder);
        decoder.ActiveAdapter = adapter;
        int[] first = [5, 9, 20, 31, 7], second = [7, 12, 30];
        float[] expected = [.. ModelGolden.Logits(decoder, ModelGolden.Whole(first)), .. ModelGolden.Logits(decoder, ModelGolden.Whole(second))];
        ModelGolden.Near(expected, ModelGolden.Logits(decoder, ModelGolden.Whole(first, second)), 1e-5, "packed");
        PackedBatch a = ModelGolden.Whole(first), b = ModelGolden.Whole(second);
        Assert.Equal(decoder.Evaluate(a).LossSum + decoder.Evaluate(b).LossSum, decoder.Evaluate(ModelGolden.Whole(first, second)).LossSum, 1e-4);
    }

    [Fact]
    public void Bf16_rows_give_nearly_the_same_numbers()
    {
        (double loss, float[] gradients) = Step(ElementType.F32);
        (double narrowLoss, float[] narrow) = Step(ElementType.BF16);
        Assert.Equal(loss, narrowLoss, 0.02 * loss);
        double difference = Math.Sqrt(gradients.Zip(narrow).Sum(pair => Math.Pow(pair.First - pair.Second, 2)));
        Assert.InRange(difference, 1e-6, 0.05 * Math.Sqrt(gradients.Sum(gradient => (double)gradient * gradient)));

        static (double, float[]) Step(ElementType type)
        {
            using var model = new TinyModel();
            Decoder decoder = model.Load(activationType: type);
            using Adapter adapter = Make("prefix", decoder);
            decoder.ActiveAdapter = adapter;
            double loss = decoder.ForwardBackward(TinyModel.Batch(), 1, 2).LossSum;
            float[] gradients = new float[decoder.Trainable.Count];
            decoder.Trainable.ReadGradients(gradients);
            return (loss, gradients);
        }
    }

    [Theory]
    [InlineData("prefix")]
    [InlineData("projected prefix")]
    [InlineData("prompt")]
    public void Gradients_are_the_same_bits_for_any_number_of_threads(string kind)
    {
        Assert.Equal(Gradients(1), Gradients(3));

        float[] Gradients(int threads)
        {
            using var model = new TinyModel();
            Decoder decoder = model.Load(threads);
            using Adapter adapter = Make(kind, decoder);
            decoder.ActiveAdapter = adapter;
            decoder.ForwardBackward(TinyModel.Batch(), 1, 2);
            float[] gradients = new float[decoder.Trainable.Count];
            decoder.Trainable.ReadGradients(gradients);
            return gradients;
        }
    }

    [Fact]
    public void What_a_projection_made_is_saved_and_read_without_it()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        using Adapter adapter = Make("projected prefix", decoder);
        decoder.ActiveAdapter = adapter;
        Assert.Equal(5, adapter.Parameters!.Parameters.Count);
        float[] expected = ModelGolden.Logits(decoder, TinyModel.Batch());
        using var folder = new TemporaryFolder();
        adapter.Write(folder.Path, "base");
        using PeftAdapter files = PeftAdapter.Read(folder.Path);
        Assert.Equal("prompt_embeddings (3, 24)", $"{files.Tensors.Single().Name} {files.Tensors.Single().Shape}");
        using Adapter read = AdapterKinds.Load(decoder, files, trainable: false);
        decoder.ActiveAdapter = read;
        Assert.Equal(expected, ModelGolden.Logits(decoder, TinyModel.Batch()));
    }

    [Fact]
    public void The_written_configuration_has_the_keys_of_PEFT()
    {
        using var model = new TinyModel();
        using Adapter adapter = Make("prefix", model.Load());
        JsonNode json = JsonNode.Parse(adapter.ToConfig("base").ToJson())!;
        Assert.Equal(
            "auto_mapping base_model_name_or_path encoder_hidden_size inference_mode num_attention_heads num_layers num_transformer_submodules num_virtual_tokens peft_type prefix_projection revision task_type token_dim",
            string.Join(' ', json.AsObject().Select(pair => pair.Key)));
        Assert.Equal((3, 2, 1, 6), ((int)json["num_virtual_tokens"]!, (int)json["num_layers"]!, (int)json["num_attention_heads"]!, (int)json["token_dim"]!));
    }

    [Theory]
    [InlineData("PREFIX_TUNING")]
    [InlineData("PROMPT_TUNING")]
    public void A_tensor_of_another_shape_is_FT1001(string type)
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        PeftAdapter.Write(folder.Path, new PeftConfig { PeftType = type, NumVirtualTokens = 4 }, [StoredTensor.FromFloats("prompt_embeddings", new Shape(3, 24), new float[72])]);
        using PeftAdapter files = PeftAdapter.Read(folder.Path);
        var refused = Assert.Throws<FineTuneException>(() => AdapterKinds.Load(model.Load(), files, trainable: false));
        Assert.Equal(Codes.AdapterDoesNotFit, refused.Diagnostic.Code);
    }

    internal static Adapter Make(string kind, Decoder decoder)
    {
        if (kind != "prompt")
        {
            return PrefixAdapter.Create(decoder, new PrefixSettings(3, Projection: kind == "projected prefix"), seed: 4);
        }

        using var folder = new TemporaryFolder();
        PeftAdapter.Write(
            folder.Path, new PeftConfig { PeftType = "PROMPT_TUNING", NumVirtualTokens = 3 },
            [StoredTensor.FromFloats("prompt_embeddings", new Shape(3, 20), [.. Enumerable.Range(0, 60).Select(i => 0.3f * MathF.Sin(i))])]);
        using PeftAdapter files = PeftAdapter.Read(folder.Path);
        return AdapterKinds.Load(decoder, files, trainable: true);
    }
}
