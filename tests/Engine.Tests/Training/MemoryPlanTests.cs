using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Training;

namespace FineTuneTool.Engine.Tests.Training;

public class MemoryPlanTests
{
    private static TinyModel Model() => new(TinyModel.PathOf("llama"), null, new LoraSettings { Rank = 4, Alpha = 8 });

    [Fact]
    public void As_few_layers_are_checkpointed_as_the_limit_asks_for()
    {
        using TinyModel model = Model();
        var plan = new MemoryPlan(model.Decoder, 4096);
        int layers = model.Decoder.Spec.NumHiddenLayers;
        Assert.Equal(plan.PeakBytes(0), plan.PeakBytes(1));
        for (int some = 1; some < layers; some++)
        {
            Assert.True(plan.PeakBytes(some + 1) < plan.PeakBytes(some));
            Assert.Equal(some + 1, plan.LayersWithin(plan.PeakBytes(some) - 1));
            Assert.Equal(some + 1, plan.LayersWithin(plan.PeakBytes(some + 1)));
        }

        Assert.Equal(0, plan.LayersWithin(plan.PeakBytes(0)));
        Assert.Equal(layers, plan.LayersWithin(1));
    }

    [Fact]
    public void The_peak_holds_weights_parameters_and_rows()
    {
        using TinyModel model = Model();
        Decoder decoder = model.Decoder;
        long weights = decoder.Weights.Sum(weight => weight.Value.Type.Bytes(weight.Shape.Count)), fixedBytes = new MemoryPlan(decoder, 0).PeakBytes(0);
        Assert.True(fixedBytes > weights + 16 * decoder.Trainable.Count);
        Assert.True(new MemoryPlan(decoder, 1000).PeakBytes(0) - fixedBytes >= decoder.StepBytes(1000, 0));
        decoder.ActiveAdapter = null;
        decoder.TrainAllWeights();
        Assert.True(decoder.Trainable.Count * 16 < new MemoryPlan(decoder, 0).PeakBytes(0));
    }

    [Fact]
    public void What_is_free_limits_a_run_without_a_limit()
    {
        using TinyModel model = Model();
        Assert.InRange(new MemoryPlan(model.Decoder, 64).FreeLimit(), 1, long.MaxValue);
        Assert.Equal(model.Decoder.Spec.NumHiddenLayers, new MemoryPlan(model.Decoder, 1L << 40).LayersWithin(new MemoryPlan(model.Decoder, 1).FreeLimit()));
    }
}
