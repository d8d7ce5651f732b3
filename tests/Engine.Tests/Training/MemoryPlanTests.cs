using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Training;
using FineTuneTool.Engine.Training.Optimizers;

namespace FineTuneTool.Engine.Tests.Training;

public class MemoryPlanTests
{
    private static TinyModel Model() => new(TinyModel.PathOf("llama"), null, new LoraSettings { Rank = 4, Alpha = 8 });

    private static MemoryPlan Plan(Decoder decoder, long rowTokens, string optimizer = "adamw") => new(decoder, OptimizerKinds.Find(optimizer), rows => rowTokens * rows);

    [Fact]
    public void As_few_layers_are_checkpointed_as_the_limit_asks_for()
    {
        using TinyModel model = Model();
        MemoryPlan plan = Plan(model.Decoder, 4096);
        int layers = model.Decoder.Spec.NumHiddenLayers;
        Assert.Equal(Peak(0), Peak(1));
        for (int some = 1; some < layers; some++)
        {
            Assert.True(Peak(some + 1) < Peak(some));
            Assert.Equal(some + 1, Layers(Peak(some) - 1));
            Assert.Equal(some + 1, Layers(Peak(some + 1)));
        }

        Assert.Equal(0, Layers(Peak(0)));
        Assert.Equal(layers, Layers(1));

        long Peak(int checkpointed) => plan.PeakBytes(new MemoryChoice(checkpointed, 1));
        int Layers(long limit) => plan.Within(limit, [1], checkpointing: true).CheckpointedLayers;
    }

    [Fact]
    public void Micro_batches_become_smaller_before_anything_is_computed_again()
    {
        using TinyModel model = Model();
        MemoryPlan plan = Plan(model.Decoder, 4096, "paged-adamw");
        Assert.Equal(new MemoryChoice(0, 4), plan.Within(plan.PeakBytes(new MemoryChoice(0, 4)), [4, 2, 1], checkpointing: true));
        Assert.Equal(new MemoryChoice(0, 2), plan.Within(plan.PeakBytes(new MemoryChoice(0, 2)), [4, 2, 1], checkpointing: true));
        Assert.Equal(new MemoryChoice(2, 1), plan.Within(plan.PeakBytes(new MemoryChoice(2, 1)), [4, 2, 1], checkpointing: true));
        Assert.Equal(new MemoryChoice(2, 1, PagesState: true), plan.Within(1, [4, 2, 1], checkpointing: true));
        Assert.Equal(new MemoryChoice(0, 4, PagesState: true), plan.Within(1, [4], checkpointing: false));
        Assert.Equal(new MemoryChoice(0, 4), Plan(model.Decoder, 4096).Within(1, [4], checkpointing: false));
    }

    [Fact]
    public void The_peak_holds_weights_parameters_state_and_rows()
    {
        using TinyModel model = Model();
        Decoder decoder = model.Decoder;
        long weights = decoder.Weights.Sum(weight => weight.Value.Type.Bytes(weight.Shape)), fixedBytes = Peak(0);
        Assert.True(fixedBytes > weights + 16 * decoder.Trainable.Count);
        Assert.True(Peak(1000) - fixedBytes >= decoder.StepBytes(1000, 0));
        Assert.Equal(8 * decoder.Trainable.Count, fixedBytes - Plan(decoder, 0, "paged-adamw").PeakBytes(new MemoryChoice(0, 1, PagesState: true)));
        Assert.Equal(4 * decoder.Trainable.Count, fixedBytes - Plan(decoder, 0, "lion").PeakBytes(new MemoryChoice(0, 1)));
        decoder.ActiveAdapter = null;
        decoder.TrainAllWeights();
        Assert.True(decoder.Trainable.Count * 16 < Peak(0));

        long Peak(long tokens) => Plan(decoder, tokens).PeakBytes(new MemoryChoice(0, 1));
    }

    [Fact]
    public void What_is_free_limits_a_run_without_a_limit()
    {
        using TinyModel model = Model();
        long free = Plan(model.Decoder, 64).FreeLimit(trainedInPlace: true);
        Assert.InRange(free, 1, long.MaxValue);
        Assert.Equal(model.Decoder.Spec.NumHiddenLayers, Plan(model.Decoder, 1L << 40).Within(free, [1], checkpointing: true).CheckpointedLayers);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(false, 2)]
    [InlineData(true, 0)]
    [InlineData(true, 1)]
    public void The_bytes_of_a_step_are_those_that_it_allocates(bool full, int checkpointed)
    {
        const int Tokens = 2048;
        using var backend = new PlanningBackend(ElementType.BF16, 1);
        using ModelFiles files = ModelFiles.Open(TinyModel.PathOf("llama"));
        using Decoder decoder = Decoder.Load(files, backend);
        using LoraAdapter? adapter = full ? null : LoraAdapter.Create(decoder, new LoraSettings { Rank = 4, Alpha = 8 }, seed: 1);
        decoder.ActiveAdapter = adapter;
        if (full)
        {
            decoder.TrainAllWeights();
        }

        decoder.CheckpointedLayers = checkpointed;
        int[] ids = new int[Tokens];
        long before = backend.PeakBytes;
        decoder.ForwardBackward(PackedBatch.FromExamples(new TokenizedExample(ids, ids)), 0, 0);
        long rotary = 2 * Tokens * sizeof(float) * decoder.Spec.HeadDim / 2;
        Assert.InRange(backend.PeakBytes - before - rotary, 0.99 * decoder.StepBytes(Tokens, checkpointed), 1.01 * decoder.StepBytes(Tokens, checkpointed));
    }
}
