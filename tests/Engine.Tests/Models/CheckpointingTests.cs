using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Models;

/// <summary>Layers that keep only their input give the numbers of layers that keep everything, in less memory.</summary>
public class CheckpointingTests
{
    private static readonly LoraSettings Dropping = new() { Rank = 4, Alpha = 8, Dropout = 0.25 };

    [Theory]
    [InlineData(ElementType.F32, "lora")]
    [InlineData(ElementType.BF16, "lora")]
    [InlineData(ElementType.F32, "upper layer")]
    [InlineData(ElementType.BF16, "upper layer")]
    [InlineData(ElementType.F32, "output projections")]
    [InlineData(ElementType.BF16, "output projections")]
    [InlineData(ElementType.F32, "whole modules")]
    [InlineData(ElementType.BF16, "whole modules")]
    [InlineData(ElementType.F32, "dora")]
    [InlineData(ElementType.BF16, "dora")]
    [InlineData(ElementType.F32, "prefix")]
    [InlineData(ElementType.BF16, "prefix")]
    [InlineData(ElementType.F32, "full")]
    [InlineData(ElementType.BF16, "full")]
    public void Losses_and_gradients_are_the_same_bits(ElementType type, string what)
    {
        using var model = new TinyModel();
        CheckSameBits(model.Load(activationType: type), what);
    }

    [Theory]
    [MemberData(nameof(TinyFamilies.Names), MemberType = typeof(TinyFamilies))]
    public void Losses_and_gradients_of_every_family_are_the_same_bits(string family)
    {
        using var model = new TinyModel(family: family);
        CheckSameBits(model.Load(), "lora");
        CheckSameBits(model.Load(), "full");
        CheckSameBits(model.Load(activationType: ElementType.BF16), "lora");
        CheckSameBits(model.Load(activationType: ElementType.BF16), "full");
    }

    private static void CheckSameBits(Decoder decoder, string what)
    {
        using Adapter? adapter = Train(decoder, what);
        (BatchLoss Loss, float[] Gradients)[] results = [.. new[] { 0, 1, 2, 0 }.Select(layers =>
        {
            decoder.CheckpointedLayers = layers;
            decoder.Trainable.ZeroGradients();
            BatchLoss loss = decoder.ForwardBackward(TinyModel.Batch(), 9, 4);
            decoder.Evaluate(TinyModel.Batch(seed: 6));
            loss += decoder.ForwardBackward(TinyModel.Batch(seed: 7), 9, 5);
            float[] gradients = new float[decoder.Trainable.Count];
            decoder.Trainable.ReadGradients(gradients);
            return (loss, gradients);
        })];
        Assert.Contains(results[0].Gradients, gradient => gradient != 0);
        Assert.All(results, result => Assert.Equal(results[0].Loss, result.Loss));
        Assert.All(results, result => Assert.Equal(results[0].Gradients, result.Gradients));
    }

    [Theory]
    [InlineData(ElementType.F32)]
    [InlineData(ElementType.BF16)]
    public void A_checkpointed_layer_keeps_its_input_alone(ElementType type)
    {
        const int Tokens = 256;
        long whole = TakenFor(type, layers: 0, Tokens), one = TakenFor(type, layers: 1, Tokens), both = TakenFor(type, layers: 2, Tokens);

        // Residual streams 2·20, queries and attention 2·18, keys and values 2·6, gate and up 2·22; F32 statistics 2 + 3 log-sum-exps.
        long row = type.Bytes(132) + 5 * sizeof(float), input = type.Bytes(20);
        Assert.Equal(whole, one);
        Assert.Equal(Tokens * (input - row), both - one);
    }

    public static TheoryData<int, string?> Counted()
    {
        var data = new TheoryData<int, string?> { { 0, null }, { 2, null } };
        foreach (string family in TinyFamilies.Names)
        {
            data.Add(family.Length % 2 * 2, family);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Counted))]
    public void Rows_of_a_step_are_counted_before_they_are_taken(int layers, string? family)
    {
        using var model = new TinyModel(family: family);
        Decoder decoder = model.Load();
        using Adapter? adapter = Train(decoder, "lora");
        long counted = decoder.StepBytes(512, layers) - decoder.StepBytes(256, layers);
        long taken = TakenFor(ElementType.F32, layers, 512, family) - TakenFor(ElementType.F32, layers, 256, family);

        // What the kernels take for themselves grows with the batch, too, and is not counted.
        Assert.InRange(taken, counted, 2 * counted);
        Assert.Equal(2 * decoder.StepBytes(256, layers), decoder.StepBytes(512, layers));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Memory_is_linear_in_tokens_and_a_second_step_takes_none(int layers)
    {
        long once = TakenFor(ElementType.BF16, layers, 512), twice = TakenFor(ElementType.BF16, layers, 1024);
        Assert.InRange(twice, once, 2.1 * once);
        using var model = new TinyModel();
        Decoder decoder = model.Load(activationType: ElementType.BF16);
        using Adapter? adapter = Train(decoder, "lora");
        decoder.CheckpointedLayers = layers;
        decoder.ForwardBackward(Batch(512), 9, 4);
        long before = NativeBuffer.AllocatedByThread;
        decoder.ForwardBackward(Batch(512), 9, 5);
        Assert.Equal(before, NativeBuffer.AllocatedByThread);
    }

    /// <summary>Native memory that the first step takes.</summary>
    private static long TakenFor(ElementType type, int layers, int tokens, string? family = null)
    {
        using var model = new TinyModel(family: family);
        Decoder decoder = model.Load(activationType: type);
        using Adapter? adapter = Train(decoder, "lora");
        decoder.CheckpointedLayers = layers;
        long before = NativeBuffer.AllocatedByThread;
        decoder.ForwardBackward(Batch(tokens), 9, 4);
        return NativeBuffer.AllocatedByThread - before;
    }

    private static PackedBatch Batch(int tokens)
    {
        int[] ids = [.. Enumerable.Range(0, 32).Select(i => i % 37)];
        return PackedBatch.FromExamples([.. Enumerable.Range(0, tokens / 32).Select(_ => new TokenizedExample(ids, ids))]);
    }

    private static Adapter? Train(Decoder decoder, string what)
    {
        if (what == "full")
        {
            decoder.TrainAllWeights();
            return null;
        }

        if (what == "prefix")
        {
            var prefix = PrefixAdapter.Create(decoder, new PrefixSettings(3), seed: 1);
            decoder.ActiveAdapter = prefix;
            return prefix;
        }

        LoraSettings settings = what switch
        {
            "upper layer" => Dropping with { Layers = [1] },
            "output projections" => Dropping with { Targets = ModuleSelection.Of("o_proj", "down_proj") },
            "whole modules" => Dropping with { Targets = ModuleSelection.Of("embed_tokens", "up_proj"), LoraBias = true, Bias = "all", ModulesToSave = ["lm_head", "norm"] },
            "dora" => Dropping with { UseDora = true },
            _ => Dropping,
        };
        LoraAdapter adapter = LoraAdapter.Create(decoder, settings, seed: 1);
        adapter.Parameters!.WriteValues([.. Enumerable.Range(0, (int)adapter.Parameters.Count).Select(i => 0.1f * MathF.Sin(i))]);
        decoder.ActiveAdapter = adapter;
        return adapter;
    }
}
