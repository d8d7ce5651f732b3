namespace FineTuneTool.Engine.Training.Schedules;

/// <summary>Rises over the warm-up, then falls to 0 in a straight line.</summary>
public sealed class LinearSchedule : LrSchedule
{
    public override string Name => "linear";

    protected override double Factor(long update, LrScheduleSettings settings) =>
        LinearWarmup(update, settings)
        ?? Math.Max(0, (double)(settings.TotalSteps - update) / Math.Max(1, settings.TotalSteps - settings.WarmupSteps));
}
