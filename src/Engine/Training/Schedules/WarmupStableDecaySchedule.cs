namespace FineTuneTool.Engine.Training.Schedules;

/// <summary>Three phases: a rise, the largest rate, a fall to <see cref="LrScheduleSettings.MinLrRatio"/> of it (Hu et al., MiniCPM, 2024).</summary>
public sealed class WarmupStableDecaySchedule : LrSchedule
{
    private const double DefaultDecayShare = 0.1;

    public override string Name => "warmup-stable-decay";

    protected override double Factor(long update, LrScheduleSettings settings)
    {
        long warmup = settings.WarmupSteps;
        if (update < warmup)
        {
            double risen = (double)update / Math.Max(1, warmup);
            return AtLeast(settings.MinLrRatio, settings.WarmupType switch
            {
                LrRamp.Cosine => 0.5 * (1 - Math.Cos(Math.PI * risen)),
                LrRamp.OneMinusSqrt => 1 - Math.Sqrt(1 - risen),
                _ => risen,
            });
        }

        long decay = settings.DecaySteps ?? (long)Math.Ceiling(settings.TotalSteps * DefaultDecayShare);
        long decayStart = warmup + (settings.StableSteps ?? Math.Max(0, settings.TotalSteps - warmup - decay));
        if (update < decayStart)
        {
            return 1;
        }

        if (update >= decayStart + decay)
        {
            return settings.MinLrRatio;
        }

        double fallen = (double)(update - decayStart) / Math.Max(1, decay);
        return AtLeast(settings.MinLrRatio, settings.DecayType switch
        {
            LrRamp.Linear => 1 - fallen,
            LrRamp.OneMinusSqrt => 1 - Math.Sqrt(fallen),
            _ => Cosine(fallen, settings.NumCycles ?? 0.5),
        });
    }
}
