using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Training.Optimizers;

/// <summary>AdamW (Loshchilov and Hutter 2019) with two F32 moments, as torch does it; decay only where a parameter asks for it.</summary>
public sealed class AdamW : FlatOptimizer
{
    private readonly Backend _backend;
    private readonly TrainingSettings _settings;

    /// <param name="updated">Those of the set that are updated; null = all.</param>
    public AdamW(Backend backend, ParameterSet parameters, TrainingSettings settings, OptimizerMemory memory, IReadOnlyList<Parameter>? updated = null)
        : base(parameters, updated ?? parameters.Parameters, settings, memory, "first_moment", "second_moment") => (_backend, _settings) = (backend, settings);

    protected override void Update(Tensor values, Tensor gradients, Tensor[] state, double learningRate, double weightDecay, long step) =>
        _backend.AdamW(values, gradients, state[0], state[1], new AdamWStep(
            learningRate, _settings.AdamBeta1, _settings.AdamBeta2, _settings.AdamEpsilon, weightDecay, step));
}
