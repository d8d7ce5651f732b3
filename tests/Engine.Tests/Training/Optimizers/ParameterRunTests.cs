using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Training;
using FineTuneTool.Engine.Training.Optimizers;

namespace FineTuneTool.Engine.Tests.Training.Optimizers;

public class ParameterRunTests
{
    [Fact]
    public void Neighbours_with_the_same_decay_are_one_run()
    {
        using CpuBackend backend = CpuBackend.Create(1);
        using ParameterSet parameters = Parameters(backend);
        Assert.Equal([new(0, 10, true, 1), new(10, 7, false, 1), new(17, 2, true, 1)], ParameterRun.Of(parameters.Parameters, new TrainingSettings()));
    }

    [Fact]
    public void Only_parameters_that_decay_shrink_without_a_gradient()
    {
        using CpuBackend backend = CpuBackend.Create(1);
        using ParameterSet parameters = Parameters(backend);
        parameters.WriteValues([.. Enumerable.Repeat(1f, 19)]);
        using Optimizer optimizer = OptimizerKinds.Find("adamw").Create(backend, parameters, new TrainingSettings { WeightDecay = 0.5 }, new OptimizerMemory(backend));
        optimizer.Update(learningRate: 0.1, step: 1);
        float[] values = new float[19];
        parameters.ReadValues(values);
        Assert.All(values.Index(), value => Assert.Equal(value.Index is >= 10 and < 17 ? 1f : 0.95f, value.Item, 1e-6f));
    }

    private static ParameterSet Parameters(Backend backend) => new(
        backend,
        [
            ("a", new Shape(2, 3), true), ("b", new Shape(4, 1), true), ("norm", new Shape(5), false), ("bias", new Shape(2), false),
            ("c", new Shape(1, 2), true),
        ]);
}
