using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tests.Adapters;

namespace FineTuneTool.Engine.Tests.Models;

/// <summary>The hand-derived backward pass of the whole decoder against differences of the loss, at odd sizes.</summary>
public class FiniteDifferenceTests
{
    /// <summary>Small enough for the fourth-order formula below, large enough for a loss that is a float32 sum.</summary>
    private const double Step = 0.004;
    private const double Tolerance = 5e-3;

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Gradients_of_every_weight_equal_differences_of_the_loss(bool biased, bool tied)
    {
        using var model = new TinyModel(biased, tied);
        Decoder decoder = model.Load();
        decoder.TrainAllWeights();
        Check(decoder);
    }

    [Theory]
    [MemberData(nameof(TinyFamilies.Names), MemberType = typeof(TinyFamilies))]
    public void Gradients_of_every_weight_of_every_family_equal_differences_of_the_loss(string family)
    {
        using var model = new TinyModel(family: family);
        Decoder decoder = model.Load();
        decoder.TrainAllWeights();
        Check(decoder);
    }

    [Theory]
    [MemberData(nameof(TinyFamilies.Names), MemberType = typeof(TinyFamilies))]
    public void Gradients_of_an_adapter_on_every_family_equal_differences_of_the_loss(string family)
    {
        using var model = new TinyModel(family: family);
        Decoder decoder = model.Load();
        var settings = new LoraSettings { Rank = 3, Alpha = 5, Dropout = 0.3, Targets = ModuleSelection.Matching("all-linear") };
        using LoraAdapter adapter = LoraAdapter.Create(decoder, settings, seed: 11);
        Randomise(adapter.Parameters!, 0.1f);
        decoder.ActiveAdapter = adapter;
        Check(decoder);
    }

    [Theory]
    [InlineData("all-linear")]
    [InlineData(@".*layers\.1\.(self_attn\.o_proj|mlp\.down_proj)")]
    [InlineData(@".*layers\.1\.mlp\.up_proj")]
    [InlineData(@".*layers\.0\.self_attn\.k_proj")]
    public void Gradients_of_an_adapter_with_dropout_equal_differences_of_the_loss(string targets)
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        var settings = new LoraSettings { Rank = 3, Alpha = 5, Dropout = 0.3, Targets = ModuleSelection.Matching(targets) };
        using LoraAdapter adapter = LoraAdapter.Create(decoder, settings, seed: 11);
        Randomise(adapter.Parameters!);
        decoder.ActiveAdapter = adapter;
        Check(decoder);
    }

    [Fact]
    public void Gradients_of_an_adapter_on_the_head_equal_differences_of_the_loss()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        var settings = new LoraSettings { Rank = 3, Alpha = 5, Targets = ModuleSelection.Of("lm_head", "v_proj") };
        using LoraAdapter adapter = LoraAdapter.Create(decoder, settings, seed: 11);
        Randomise(adapter.Parameters!);
        decoder.ActiveAdapter = adapter;
        Check(decoder);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gradients_of_an_adapter_on_the_embedding_equal_differences_of_the_loss(bool tied)
    {
        using var model = new TinyModel(tied: tied);
        Decoder decoder = model.Load();
        var settings = new LoraSettings { Rank = 3, Alpha = 5, Targets = ModuleSelection.Of("embed_tokens", "v_proj") };
        using LoraAdapter adapter = LoraAdapter.Create(decoder, settings, seed: 11);
        Randomise(adapter.Parameters!);
        decoder.ActiveAdapter = adapter;
        Check(decoder);
    }

    [Theory]
    [InlineData(false, "q_proj", "all", "lm_head", "input_layernorm")]
    [InlineData(true, "down_proj", "none", "lm_head", "o_proj", "norm")]
    [InlineData(true, "up_proj", "lora_only", "embed_tokens")]
    public void Gradients_of_biases_and_of_whole_modules_beside_an_adapter_equal_differences_of_the_loss(bool tied, string target, string bias, params string[] modules)
    {
        using var model = new TinyModel(tied: tied);
        Decoder decoder = model.Load();
        var settings = new LoraSettings { Rank = 3, Alpha = 5, Dropout = 0.3, Targets = ModuleSelection.Of(target), Bias = bias, LoraBias = true, ModulesToSave = modules };
        using LoraAdapter adapter = LoraAdapter.Create(decoder, settings, seed: 11);
        Randomise(adapter.Parameters!);
        decoder.ActiveAdapter = adapter;
        Check(decoder);
    }

    [Theory]
    [InlineData("all-linear", 0)]
    [InlineData("all-linear", 0.3)]
    [InlineData(@".*layers\.1\.mlp\.up_proj", 0.3)]
    public void Gradients_of_directions_of_DoRA_equal_differences_of_the_loss(string targets, double dropout)
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        var settings = new LoraSettings { Rank = 3, Alpha = 5, Dropout = dropout, UseDora = true, Targets = ModuleSelection.Matching(targets), Bias = "lora_only" };
        using LoraAdapter adapter = LoraAdapter.Create(decoder, settings, seed: 11);
        Randomise(adapter.Parameters!);
        decoder.ActiveAdapter = adapter;
        Check(decoder, parameter => parameter.Name.EndsWith("magnitude_vector") || parameter.Name.EndsWith("bias"));
    }

    [Theory]
    [InlineData("pissa")]
    [InlineData("olora")]
    public void Gradients_of_an_adapter_that_took_from_the_weights_equal_differences_of_the_loss(string init)
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        using LoraAdapter adapter = LoraAdapter.Create(decoder, new LoraSettings { Rank = 3, Alpha = 5, Dropout = 0.3, Init = init }, seed: 11);
        decoder.ActiveAdapter = adapter;
        Check(decoder);
    }

    [Theory]
    [InlineData("prefix", false)]
    [InlineData("prefix", true)]
    [InlineData("projected prefix", false)]
    [InlineData("prompt", false)]
    public void Gradients_of_virtual_tokens_equal_differences_of_the_loss(string kind, bool windowed)
    {
        using var model = new TinyModel(biased: !windowed);
        if (windowed)
        {
            model.Config["model_type"] = "mistral";
            model.Config["architectures"]![0] = "MistralForCausalLM";
            model.Config["sliding_window"] = 5;
        }

        Decoder decoder = model.Load();
        using Adapter adapter = VirtualTokenTests.Make(kind, decoder);
        decoder.ActiveAdapter = adapter;
        Check(decoder);
    }

    [Fact]
    public void Gradients_of_factors_equal_differences_of_the_loss()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        using var folder = new TestKit.TemporaryFolder();
        const string Layer = "base_model.model.model.layers";
        PeftAdapter.Write(
            folder.Path, new PeftConfig { PeftType = "IA3", TargetModules = ModuleSelection.Of("k_proj", "down_proj"), FeedforwardModules = ModuleSelection.Of("down_proj") },
            Enumerable.Range(0, 2).SelectMany(layer => new[]
            {
                StoredTensor.FromFloats($"{Layer}.{layer}.self_attn.k_proj.ia3_l", new Shape(6, 1), [.. Enumerable.Range(0, 6).Select(i => 1 + 0.3f * MathF.Sin(i))]),
                StoredTensor.FromFloats($"{Layer}.{layer}.mlp.down_proj.ia3_l", new Shape(1, 22), [.. Enumerable.Range(0, 22).Select(i => 1 + 0.3f * MathF.Cos(i))]),
            }));
        using PeftAdapter files = PeftAdapter.Read(folder.Path);
        using Adapter adapter = AdapterKinds.Load(decoder, files, trainable: true);
        decoder.ActiveAdapter = adapter;
        Check(decoder);
    }

    private static void Randomise(ParameterSet parameters, float deviation = 0.3f)
    {
        var random = new CounterRandom(3, RandomPurpose.Initialisation);
        parameters.WriteValues([.. Enumerable.Range(0, (int)parameters.Count).Select(i => deviation * random.Normal((ulong)i))]);
    }

    /// <summary>For each parameter: the change of the loss along a direction that is half gradient and half random.</summary>
    private static void Check(Decoder decoder, Predicate<Parameter>? which = null)
    {
        PackedBatch batch = TinyModel.Batch();
        ParameterSet parameters = decoder.Trainable;
        float[] values = new float[parameters.Count], gradients = new float[parameters.Count];
        parameters.ReadValues(values);
        parameters.ZeroGradients();
        decoder.ForwardBackward(batch, 1, 2);
        parameters.ReadGradients(gradients);
        foreach (Parameter parameter in parameters.Parameters.Where(parameter => which?.Invoke(parameter) != false))
        {
            ReadOnlySpan<float> gradient = gradients.AsSpan((int)parameter.Offset, (int)parameter.Shape.Count);
            double[] direction = Direction(gradient, parameter.Offset);
            double slope = 0;
            for (int i = 0; i < direction.Length; i++)
            {
                slope += direction[i] * gradient[i];
            }

            double difference = (8 * (LossAt(Step) - LossAt(-Step)) - (LossAt(2 * Step) - LossAt(-2 * Step))) / (12 * Step);
            Assert.True(Math.Abs(slope - difference) <= Tolerance * Math.Max(0.1, Math.Abs(slope)), $"{parameter.Name}: {slope} for {difference}");

            double LossAt(double step)
            {
                float[] moved = [.. direction.Select((d, i) => (float)(values[parameter.Offset + i] + step * d))];
                parameters.WriteValues(moved, parameter.Offset);
                double loss = decoder.ForwardBackward(batch, 1, 2).LossSum;
                parameters.WriteValues(values.AsSpan((int)parameter.Offset, direction.Length), parameter.Offset);
                return loss;
            }
        }
    }

    private static double[] Direction(ReadOnlySpan<float> gradient, long seed)
    {
        var random = new CounterRandom((ulong)seed, RandomPurpose.Shuffle);
        double[] direction = new double[gradient.Length];
        double gradientNorm = 0, randomNorm = 0;
        for (int i = 0; i < direction.Length; i++)
        {
            direction[i] = random.Normal((ulong)i);
            randomNorm += direction[i] * direction[i];
            gradientNorm += gradient[i] * gradient[i];
        }

        for (int i = 0; i < direction.Length; i++)
        {
            direction[i] = direction[i] / Math.Sqrt(2 * randomNorm) + gradient[i] / Math.Sqrt(2 * gradientNorm + 1e-30);
        }

        return direction;
    }
}
