using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Exports;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Models;

/// <summary>Every figure that the reference libraries gave for the small models.</summary>
public class DecoderGoldenTests
{
    public static TheoryData<string> Local => new("llama", "llama3-rope", "llama-bias");

    public static TheoryData<string> Shared => new(
        "llama-linear", "llama-yarn", "llama-v5style", "mistral", "qwen2", "qwen2-swa", "qwen3", "gemma", "gemma2", "gemma3_text", "phi3", "phi3-partial");

    /// <summary>Rotary frequencies of these depend on the length of a document here, on that of the whole batch in the reference.</summary>
    public static TheoryData<string> ByLength => new("llama-dynamic", "phi3-longrope");

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
    public void Merged_model_equals_the_reference(string name) => CheckMerged(name);

    [SharedTheory("goldens/models/tiny")]
    [MemberData(nameof(Shared))]
    [MemberData(nameof(ByLength))]
    public void Merged_model_of_further_models_equals_the_reference(string name) => CheckMerged(name);

    [Theory]
    [MemberData(nameof(Local))]
    public void Greedy_tokens_with_a_cache_equal_the_reference(string name) => CheckGreedy(name);

    [SharedTheory("goldens/models/tiny")]
    [MemberData(nameof(Shared))]
    [MemberData(nameof(ByLength))]
    public void Greedy_tokens_of_further_models_equal_the_reference(string name) => CheckGreedy(name);

    /// <summary>Documents get the frequencies of their own length: alone and packed they have the logits that the reference has when they are alone.</summary>
    [SharedTheory("goldens/models/tiny")]
    [MemberData(nameof(ByLength))]
    public void Forward_pass_of_models_that_look_at_the_length_equals_the_reference(string name) => CheckForward(name);

    /// <summary>
    /// The reference gave the short document of the batch the frequencies of the long one. With the configuration of a model that has those at every
    /// length, all its losses and gradients come out.
    /// </summary>
    [SharedTheory("goldens/models/tiny")]
    [MemberData(nameof(ByLength))]
    public void Gradients_of_models_that_look_at_the_length_equal_the_reference(string name)
    {
        CheckFullGradients(name, AsIfLong);
        CheckAdapter(name, AsIfLong);
    }

    [SharedTheory("goldens/models/tiny")]
    [MemberData(nameof(ByLength))]
    public void Packed_logits_of_the_reference_come_out_with_the_frequencies_of_the_longest(string name)
    {
        using var golden = new ModelGolden($"tiny/{name}");
        Decoder decoder = golden.LoadChanged(AsIfLong);
        ModelGolden.Near(golden.Tensor("packed.logits"), ModelGolden.Logits(decoder, ModelGolden.Whole(golden.Sequences)), ModelGolden.LogitTolerance, "packed");
    }

    [Theory]
    [MemberData(nameof(Local))]
    public void Both_styles_of_config_give_the_same_description(string name) => CheckStyles(name);

    [SharedTheory("goldens/models/tiny")]
    [MemberData(nameof(ByLength))]
    [InlineData("llama-linear")]
    [InlineData("llama-yarn")]
    [InlineData("mistral")]
    [InlineData("qwen2")]
    [InlineData("qwen2-swa")]
    [InlineData("qwen3")]
    [InlineData("gemma")]
    [InlineData("gemma2")]
    [InlineData("gemma3_text")]
    [InlineData("phi3")]
    [InlineData("phi3-partial")]
    public void Both_styles_of_config_of_further_models_give_the_same_description(string name) => CheckStyles(name);

    /// <summary>Short factors like the long ones; or the base that dynamic scaling has at 40 tokens.</summary>
    private static void AsIfLong(JsonObject config)
    {
        var scaling = (JsonObject)config["rope_scaling"]!;
        if (scaling.ContainsKey("long_factor"))
        {
            scaling["short_factor"] = scaling["long_factor"]!.DeepClone();
            return;
        }

        double factor = (double)scaling["factor"]!, headDim = (double)config["hidden_size"]! / (double)config["num_attention_heads"]!;
        double stretch = factor * 40 / (double)config["max_position_embeddings"]! - (factor - 1);
        config["rope_theta"] = (double)config["rope_theta"]! * Math.Pow(stretch, headDim / (headDim - 2));
        config["rope_scaling"] = null;
    }

    private static void CheckStyles(string name)
    {
        string folder = ModelGolden.FolderOf($"tiny/{name}");
        TinyFamilies.Same(Read("config.json"), Read("config.v5.json"));

        DecoderSpec Read(string file)
        {
            JsonObject config = JsonFile.ReadObject(Path.Combine(folder, file), Diagnostics.Codes.BadModelConfig);
            return ModelFamilies.All.Single(family => family.ModelType == (string)config["model_type"]!).Read(new ConfigFields(config, file));
        }
    }

    private static void CheckForward(string name)
    {
        using var golden = new ModelGolden($"tiny/{name}");
        Decoder decoder = golden.Load();
        int[][] sequences = golden.Sequences;
        float[] hidden = new float[sequences[0].Length * decoder.Spec.HiddenSize];
        for (int layer = 0; layer < decoder.Spec.NumHiddenLayers; layer++)
        {
            decoder.ReadStream(ModelGolden.Whole(sequences[0]), layer, hidden);
            ModelGolden.Near(golden.Tensor($"hidden.0.{layer}"), hidden, ModelGolden.LogitTolerance, $"hidden.0.{layer}");
        }

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

    private static void CheckFullGradients(string name, Action<JsonObject>? change = null)
    {
        using var golden = new ModelGolden($"tiny/{name}");
        Decoder decoder = change is null ? golden.Load() : golden.LoadChanged(change);
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

    private static void CheckAdapter(string name, Action<JsonObject>? change = null)
    {
        using var golden = new ModelGolden($"tiny/{name}");
        Decoder decoder = change is null ? golden.Load() : golden.LoadChanged(change);
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

    private static void CheckMerged(string name)
    {
        using var golden = new ModelGolden($"tiny/{name}");
        string merged = golden.NewFolder()["merged"];
        using (ModelFiles model = ModelFiles.Open(golden.Folder))
        using (Decoder decoder = Decoder.Load(model, golden.Backend))
        using (PeftAdapter files = PeftAdapter.Read(Path.Combine(golden.Folder, "lora")))
        using (LoraAdapter adapter = LoraAdapter.Load(decoder, files, trainable: false))
        {
            MergedFolderExport.Write(merged, model, decoder, adapter, new MergedFolderSettings(ElementType.F32));
        }

        float[] logits = ModelGolden.Logits(golden.LoadFrom(merged), ModelGolden.Whole(golden.Sequences[1]));
        ModelGolden.Near(golden.Tensor("lora.logits.1"), logits, ModelGolden.LogitTolerance, "merged");
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
