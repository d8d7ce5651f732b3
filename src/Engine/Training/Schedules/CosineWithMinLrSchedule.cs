namespace FineTuneTool.Engine.Training.Schedules;

/// <summary>As <see cref="CosineSchedule"/>, but falls only to <see cref="LrScheduleSettings.MinLrRatio"/> of the largest rate.</summary>
public sealed class CosineWithMinLrSchedule : LrSchedule
{
    public override string Name => "cosine-with-min-lr";

    protected override double Factor(long update, LrScheduleSettings settings) =>
        LinearWarmup(update, settings) ?? AtLeast(settings.MinLrRatio, Cosine(Progress(update, settings), settings.NumCycles ?? 0.5));
}
