namespace FineTuneTool.Engine.Training.Schedules;

/// <summary>Falls with the inverse square root of the update (Vaswani et al. 2017; as in T5).</summary>
public sealed class InverseSqrtSchedule : LrSchedule
{
    private const long DefaultTimescale = 10_000;

    public override string Name => "inverse-sqrt";

    protected override double Factor(long update, LrScheduleSettings settings)
    {
        long timescale = settings.Timescale ?? (settings.WarmupSteps > 0 ? settings.WarmupSteps : DefaultTimescale);
        long shift = timescale - settings.WarmupSteps;
        return LinearWarmup(update, settings) ?? 1 / Math.Sqrt((double)(update + shift) / timescale);
    }
}
