using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Training;

/// <summary>The micro-batches of one optimizer step: <paramref name="Count"/> of them from <paramref name="First"/> in an epoch.</summary>
public readonly record struct StepWindow(long Epoch, int First, int Count);

/// <summary>
/// Which micro-batches belong to which step, and what is due after it; depends on nothing but settings and counts, so resuming is a seek.
/// A window never crosses the end of an epoch: the last one of an epoch may be short. Steps count from 1.
/// </summary>
public sealed class TrainingPlan
{
    private readonly TrainingSettings _settings;

    /// <param name="batchesPerEpoch">Micro-batches of an epoch.</param>
    /// <exception cref="FineTuneException">FT0106: an epoch is empty.</exception>
    public TrainingPlan(TrainingSettings settings, int batchesPerEpoch)
    {
        if (batchesPerEpoch < 1)
        {
            throw new FineTuneException(
                Codes.EmptySplit, "There are no rows to train on.", "Add TrainingData, or lower ValidationSplitRatio and TestSplitRatio.");
        }

        _settings = settings;
        BatchesPerEpoch = batchesPerEpoch;
        StepsPerEpoch = (batchesPerEpoch + settings.GradientAccumulationSteps - 1) / settings.GradientAccumulationSteps;
        TotalSteps = settings.MaxSteps > 0 ? settings.MaxSteps : (long)Math.Ceiling(settings.NumEpochs * StepsPerEpoch);
    }

    public int BatchesPerEpoch { get; }

    public int StepsPerEpoch { get; }

    public long TotalSteps { get; }

    public StepWindow Window(long step)
    {
        (long epoch, long index) = Math.DivRem(step - 1, StepsPerEpoch);
        int first = (int)index * _settings.GradientAccumulationSteps;
        return new StepWindow(epoch, first, Math.Min(_settings.GradientAccumulationSteps, BatchesPerEpoch - first));
    }

    /// <summary>Epochs behind us after a step, counted in micro-batches.</summary>
    public double EpochsAfter(long step)
    {
        StepWindow window = Window(step);
        return window.Epoch + (double)(window.First + window.Count) / BatchesPerEpoch;
    }

    /// <summary>Metrics are due every LoggingSteps and after the last step.</summary>
    public bool LogsAfter(long step) => step % _settings.LoggingSteps == 0 || step == TotalSteps;

    /// <summary>An evaluation is due every EvalSteps or epoch, and after the last step.</summary>
    public bool EvaluatesAfter(long step) => IsDue(step, _settings.EvalSteps);

    /// <summary>A checkpoint is due every SaveSteps or epoch, and after the last step.</summary>
    public bool SavesAfter(long step) => IsDue(step, _settings.SaveSteps);

    private bool IsDue(long step, int every) => step % (every > 0 ? every : StepsPerEpoch) == 0 || step == TotalSteps;
}
