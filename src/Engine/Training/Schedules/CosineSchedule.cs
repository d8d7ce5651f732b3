namespace FineTuneTool.Engine.Training.Schedules;

/// <summary>Rises over the warm-up, then falls to 0 along half a cosine wave.</summary>
public sealed class CosineSchedule : LrSchedule
{
    public override string Name => "cosine";

    protected override double Factor(long update, LrScheduleSettings settings) =>
        LinearWarmup(update, settings) ?? Math.Max(0, Cosine(Progress(update, settings), settings.NumCycles ?? 0.5));
}
