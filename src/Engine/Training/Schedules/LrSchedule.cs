namespace FineTuneTool.Engine.Training.Schedules;

/// <summary>
/// How the learning rate changes over a run: a factor on the largest rate for each update, as transformers computes it
/// (<c>optimization.py</c>), in double. Updates count from 0, so with a warm-up the first update has rate 0 in most schedules.
/// </summary>
public abstract class LrSchedule
{
    /// <summary>The name in the project file.</summary>
    public abstract string Name { get; }

    /// <summary>Learning rate of an update; updates past the end are allowed.</summary>
    public double LearningRate(long update, LrScheduleSettings settings) => settings.LearningRate * Factor(update, settings);

    protected abstract double Factor(long update, LrScheduleSettings settings);

    /// <summary>k/w for an update k inside a warm-up of w; null after it.</summary>
    protected static double? LinearWarmup(long update, LrScheduleSettings settings) =>
        update < settings.WarmupSteps ? (double)update / Math.Max(1, settings.WarmupSteps) : null;

    /// <summary>Share of the steps after the warm-up that lie behind an update; above 1 past the end.</summary>
    protected static double Progress(long update, LrScheduleSettings settings) =>
        (double)(update - settings.WarmupSteps) / Math.Max(1, settings.TotalSteps - settings.WarmupSteps);

    /// <summary>A cosine of <paramref name="cycles"/> waves from 1: ½(1 + cos(2π·cycles·progress)).</summary>
    protected static double Cosine(double progress, double cycles) => 0.5 * (1 + Math.Cos(Math.PI * cycles * 2 * progress));

    /// <summary>Moves a factor in 0 … 1 into <paramref name="lowest"/> … 1.</summary>
    protected static double AtLeast(double lowest, double factor) => Math.Max(0, factor * (1 - lowest) + lowest);
}
