using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Training.Optimizers;

/// <summary>Lion (Chen et al., "Symbolic discovery of optimization algorithms", 2023): each number moves by the learning rate, up or down.</summary>
public sealed class Lion(Backend backend, ParameterSet parameters, TrainingSettings settings, OptimizerMemory memory)
    : FlatOptimizer(parameters, parameters.Parameters, settings, memory, "momentum")
{
    private readonly double _beta1 = settings.AdamBeta1, _beta2 = settings.AdamBeta2;

    protected override void Update(Tensor values, Tensor gradients, Tensor[] state, double learningRate, double weightDecay, long step) =>
        backend.Lion(values, gradients, state[0], new LionStep(learningRate, _beta1, _beta2, weightDecay));
}
