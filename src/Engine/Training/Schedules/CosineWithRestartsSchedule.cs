namespace FineTuneTool.Engine.Training.Schedules;

/// <summary>Half cosine waves that jump back to the largest rate; 0 from the end on (Loshchilov and Hutter, SGDR, 2017).</summary>
public sealed class CosineWithRestartsSchedule : LrSchedule
{
    public override string Name => "cosine-with-restarts";

    protected override double Factor(long update, LrScheduleSettings settings)
    {
        if (LinearWarmup(update, settings) is double warmup)
        {
            return warmup;
        }

        double progress = Progress(update, settings);
        return progress >= 1 ? 0 : Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * ((settings.NumCycles ?? 1) * progress % 1))));
    }
}
