using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Training.Optimizers;

/// <summary>Gradient descent with momentum (AdamBeta1), as torch does it: weight decay is part of the gradient.</summary>
public sealed class Sgd(Backend backend, ParameterSet parameters, TrainingSettings settings, OptimizerMemory memory)
    : FlatOptimizer(parameters, parameters.Parameters, settings, memory, "momentum")
{
    private readonly double _momentum = settings.AdamBeta1;

    protected override void Update(Tensor values, Tensor gradients, Tensor[] state, double learningRate, double weightDecay, long step) =>
        backend.Sgd(values, gradients, state[0], new SgdStep(learningRate, _momentum, weightDecay, step));
}
