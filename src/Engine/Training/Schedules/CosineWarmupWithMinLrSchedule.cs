namespace FineTuneTool.Engine.Training.Schedules;

/// <summary>
/// As <see cref="CosineWithMinLrSchedule"/>, one update ahead: the warm-up ends at its last update, and the first update already learns.
/// </summary>
public sealed class CosineWarmupWithMinLrSchedule : LrSchedule
{
    public override string Name => "cosine-warmup-with-min-lr";

    protected override double Factor(long update, LrScheduleSettings settings)
    {
        long warmup = settings.WarmupSteps;
        if (update < warmup)
        {
            return settings.WarmupLrRate is double first
                ? first + (1 - first) * update / Math.Max(1, warmup - 1)
                : (update + 1.0) / Math.Max(1, warmup);
        }

        double progress = (update - warmup + 1.0) / Math.Max(1, settings.TotalSteps - warmup);
        return AtLeast(settings.MinLrRatio, Cosine(progress, settings.NumCycles ?? 0.5));
    }
}
