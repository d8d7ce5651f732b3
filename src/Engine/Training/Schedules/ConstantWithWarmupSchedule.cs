namespace FineTuneTool.Engine.Training.Schedules;

/// <summary>Rises over the warm-up, then stays.</summary>
public sealed class ConstantWithWarmupSchedule : LrSchedule
{
    public override string Name => "constant-with-warmup";

    protected override double Factor(long update, LrScheduleSettings settings) => LinearWarmup(update, settings) ?? 1;
}
