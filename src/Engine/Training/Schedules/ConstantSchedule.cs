namespace FineTuneTool.Engine.Training.Schedules;

/// <summary>The same rate from the first update on; has no warm-up.</summary>
public sealed class ConstantSchedule : LrSchedule
{
    public override string Name => "constant";

    protected override double Factor(long update, LrScheduleSettings settings) => 1;
}
