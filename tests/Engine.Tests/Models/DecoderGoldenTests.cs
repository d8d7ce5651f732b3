using System.Text.Json;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Models;

/// <summary>Every figure that the reference libraries gave for the small models.</summary>
public class DecoderGoldenTests
{
    public static TheoryData<string> Local => new("llama", "llama3-rope", "llama-bias");

    /// <summary>Rotary frequencies of dynamic models depend on the length of a document here, on that of the whole batch in the reference.</summary>
    public static TheoryData<string> Shared => new("llama-linear", "llama-yarn", "llama-v5style", "mistral", "qwen2", "qwen2-swa");

    [Theory]
    [MemberData(nameof(Local))]
    public void Forward_pass_equals_the_reference(string name) => CheckForward(name);

    [SharedTheory("goldens/models/tiny")]
    [MemberData(nameof(Shared))]
    public void Forward_pass_of_further_models_equals_the_reference(string name) => CheckForward(name);

    [Theory]
    [MemberData(nameof(Local))]
    public void Gradients_of_all_weights_equal_the_reference(string name) => CheckFullGradients(name);

    [SharedTheory("goldens/models/tiny")]
    [MemberData(nameof(Shared))]
    public void Gradients_of_further_models_equal_the_reference(string name) => CheckFullGradients(name);

    [Theory]
    [MemberData(nameof(Local))]
    public void Adapter_equals_the_reference(string name) => CheckAdapter(name);

    [SharedTheory("goldens/models/tiny")]
    [MemberData(nameof(Shared))]
    public void Adapter_on_further_models_equals_the_reference(string name) => CheckAdapter(name);

    [Theory]
    [MemberData(nameof(Local))]
    public void Greedy_tokens_with_a_cache_equal_the_reference(string name) => CheckGreedy(name);

    [SharedTheory("goldens/models/tiny")]
    [MemberData(nameof(Shared))]
    [InlineData("llama-dynamic")]
    public void Greedy_tokens_of_further_models_equal_the_reference(string name) => CheckGreedy(name);

    [SharedFact("goldens/models/tiny/llama-dynamic")]
    public void Each_document_of_a_dynamic_model_gets_the_frequencies_of_its_own_length()
    {
        using var golden = new ModelGolden("tiny/llama-dynamic");
        Decoder decoder = golden.Load();
        int[][] sequences = golden.Sequences;
        float[] packed = ModelGolden.Logits(decoder, ModelGolden.Whole(sequences));
        ModelGolden.Near([.. golden.Tensor("logits.0"), .. golden.Tensor("logits.1")], packed, ModelGolden.LogitTolerance, "packed logits");
    }

    [Theory]
    [InlineData("tiny/llama")]
    [InlineData("tiny/llama3-rope")]
    public void Both_styles_of_config_give_the_same_description(string name)
    {
        string folder = ModelGolden.FolderOf(name);
        DecoderSpec old = Read("config.json"), current = Read("config.v5.json");
        Assert.Equal(old, current);

        DecoderSpec Read(string file) => new LlamaFamily().Read(new ConfigFields(
            JsonFile.ReadObject(Path.Combine(folder, file), Diagnostics.Codes.BadModelConfig), file));
    }

    private static void CheckForward(string name)
    {
        using var golden = new ModelGolden($"tiny/{name}");
        Decoder decoder = golden.Load();
        int[][] sequences = golden.Sequences;
        for (int i = 0; i < sequences.Length; i++)
        {
            PackedBatch batch = ModelGolden.Whole(sequences[i]);
            ModelGolden.Near(golden.Tensor($"logits.{i}"), ModelGolden.Logits(decoder, batch), ModelGolden.LogitTolerance, $"logits.{i}");
            double nll = golden.Expected.GetProperty("nll")[i].EnumerateArray().Sum(value => value.GetDouble());
            Assert.Equal(nll, decoder.Evaluate(batch).LossSum, ModelGolden.LossTolerance * sequences[i].Length);
        }

        PackedBatch packed = ModelGolden.Whole(sequences);
        Assert.Equal(golden.Expected.GetProperty("packed").GetProperty("position_ids").EnumerateArray().Select(id => id.GetInt32()), packed.Positions);
        float[] expected = [.. golden.Tensor("logits.0"), .. golden.Tensor("logits.1")];
        ModelGolden.Near(expected, ModelGolden.Logits(decoder, packed), ModelGolden.LogitTolerance, "packed logits");
    }

    private static void CheckFullGradients(string name)
    {
        using var golden = new ModelGolden($"tiny/{name}");
        Decoder decoder = golden.Load();
        PackedBatch batch = golden.Batch();
        BatchLoss evaluated = decoder.Evaluate(batch);
        decoder.TrainAllWeights();
        Assert.Equal(
            golden.TensorNames.Where(tensor => tensor.StartsWith("grad.", StringComparison.Ordinal)).Select(tensor => tensor[5..]).Order(),
            decoder.Trainable.Parameters.Select(parameter => parameter.Name).Order());

        BatchLoss loss = decoder.ForwardBackward(batch, 0, 0);

        Assert.Equal(golden.Expected.GetProperty("supervised_tokens").GetInt64(), loss.SupervisedTokens);
        Assert.Equal(golden.Expected.GetProperty("loss").GetDouble(), loss.LossSum / loss.SupervisedTokens, ModelGolden.LossTolerance);
        Assert.Equal(evaluated.LossSum, loss.LossSum, 1e-4);
        golden.CheckGradients(decoder, loss, "grad.");
        double norm = Math.Sqrt(golden.Backend.SumOfSquares(decoder.Trainable.Gradients)) / loss.SupervisedTokens;
        Assert.Equal(golden.Expected.GetProperty("grad_norm").GetDouble(), norm, 1e-4);
    }

    private static void CheckAdapter(string name)
    {
        using var golden = new ModelGolden($"tiny/{name}");
        Decoder decoder = golden.Load();
        using PeftAdapter files = PeftAdapter.Read(Path.Combine(golden.Folder, "lora"));
        using LoraAdapter adapter = LoraAdapter.Load(decoder, files, trainable: true);
        PackedBatch second = ModelGolden.Whole(golden.Sequences[1]);
        float[] plain = ModelGolden.Logits(decoder, second);

        decoder.ActiveAdapter = adapter;
        ModelGolden.Near(golden.Tensor("lora.logits.1"), ModelGolden.Logits(decoder, second), ModelGolden.LogitTolerance, "lora.logits.1");
        BatchLoss loss = decoder.ForwardBackward(golden.Batch(), 0, 0);
        Assert.Equal(golden.Expected.GetProperty("lora_loss").GetDouble(), loss.LossSum / loss.SupervisedTokens, ModelGolden.LossTolerance);
        golden.CheckGradients(decoder, loss, "lora.grad.");

        decoder.ActiveAdapter = null;
        Assert.Equal(plain, ModelGolden.Logits(decoder, second));
        Assert.Equal(0, decoder.Trainable.Count);
    }

    private static void CheckGreedy(string name)
    {
        using var golden = new ModelGolden($"tiny/{name}");
        Decoder decoder = golden.Load();
        float[] logits = new float[decoder.Spec.VocabSize];
        foreach (JsonElement run in golden.Expected.GetProperty("greedy").EnumerateArray())
        {
            int[] prompt = [.. run.GetProperty("prompt").EnumerateArray().Select(id => id.GetInt32())];
            int[] expected = [.. run.GetProperty("cached_tokens").EnumerateArray().Select(id => id.GetInt32())];
            using KvCache cache = decoder.CreateCache(prompt.Length + expected.Length);
            var tokens = new List<int>();
            decoder.Append(cache, prompt, logits);
            while (tokens.Count < expected.Length)
            {
                tokens.Add(logits.AsSpan().IndexOf(logits.Max()));
                decoder.Append(cache, [tokens[^1]], logits);
            }

            Assert.Equal(expected, tokens);
        }
    }
}
