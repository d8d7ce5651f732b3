using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Training.Optimizers;

namespace FineTuneTool.Engine.Training;

/// <summary>
/// One optimizer step: accumulate → divide → clip → update. The gradient is the sum over the window's micro-batches, divided once by the
/// supervised tokens of the whole window (by the sum of their weights), as in transformers; how the window is cut into micro-batches changes nothing but rounding.
/// </summary>
internal sealed class TrainStep(Decoder decoder, Optimizer optimizer, TrainingSettings settings)
{
    /// <summary>Keeps torch's clip factor finite at a zero gradient.</summary>
    private const double ClipEpsilon = 1e-6;

    private readonly Backend _backend = decoder.Backend;

    /// <param name="batches">The micro-batches with their numbers in the whole run, which name their dropout streams.</param>
    /// <param name="step">Number of this step, from 1.</param>
    /// <returns>Where loss or norm is not finite the values are left as they were.</returns>
    public StepResult Run(IEnumerable<(PackedBatch Batch, long Number)> batches, double learningRate, long step)
    {
        ParameterSet parameters = decoder.Trainable;
        parameters.ZeroGradients();
        BatchLoss sum = default;
        long tokens = 0;
        foreach ((PackedBatch batch, long number) in batches)
        {
            sum += decoder.ForwardBackward(batch, settings.Seed, (ulong)number);
            tokens += batch.Tokens;
        }

        double divisor = sum.WeightSum > 0 ? sum.WeightSum : 1;
        double norm = Norm(parameters) / divisor;
        var result = new StepResult(sum.LossSum / divisor, norm, learningRate, tokens, sum.SupervisedTokens, sum.Correct);
        if (double.IsFinite(result.Loss) && double.IsFinite(norm))
        {
            double clip = settings.MaxGradNorm > 0 ? Math.Min(1, settings.MaxGradNorm / (norm + ClipEpsilon)) : 1;
            _backend.Scale(parameters.Gradients, (float)(clip / divisor));
            optimizer.Update(learningRate, step);
        }

        return result;
    }

    /// <summary>L2 norm over all parameters: the norm of each tensor's norm, as clip_grad_norm_ of torch builds it.</summary>
    private double Norm(ParameterSet parameters) =>
        Math.Sqrt(parameters.Parameters.Sum(parameter => _backend.SumOfSquares(parameters.GradientOf(parameter))));
}
