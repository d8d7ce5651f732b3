using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Training.Optimizers;

/// <summary>AdamW (Loshchilov and Hutter 2019) with two F32 moments, as torch does it; decay only where a parameter asks for it.</summary>
public sealed class AdamW : Optimizer
{
    private readonly Backend _backend;
    private readonly TrainingSettings _settings;
    private readonly Tensor _firstMoment, _secondMoment;
    private readonly IReadOnlyList<Run> _runs;

    public AdamW(Backend backend, ParameterSet parameters, TrainingSettings settings)
    {
        _backend = backend;
        _settings = settings;
        _firstMoment = backend.Allocate(new Shape(parameters.Count));
        _secondMoment = backend.Allocate(new Shape(parameters.Count));
        _runs = [.. DecayRun.Of(parameters).Select(run => new Run(
            parameters.Values.View(run.Offset, new Shape(run.Count)),
            parameters.Gradients.View(run.Offset, new Shape(run.Count)),
            _firstMoment.View(run.Offset, new Shape(run.Count)),
            _secondMoment.View(run.Offset, new Shape(run.Count)),
            run.Decays))];
    }

    public override IReadOnlyList<OptimizerState> State => [new("first_moment", _firstMoment), new("second_moment", _secondMoment)];

    public override void Update(double learningRate, long step)
    {
        foreach ((Tensor values, Tensor gradients, Tensor firstMoment, Tensor secondMoment, bool decays) in _runs)
        {
            _backend.AdamW(values, gradients, firstMoment, secondMoment, new AdamWStep(
                learningRate,
                _settings.AdamBeta1,
                _settings.AdamBeta2,
                _settings.AdamEpsilon,
                decays ? _settings.WeightDecay : 0,
                step));
        }
    }

    public override void Dispose()
    {
        _firstMoment.Dispose();
        _secondMoment.Dispose();
    }

    private sealed record Run(Tensor Values, Tensor Gradients, Tensor FirstMoment, Tensor SecondMoment, bool Decays);
}
