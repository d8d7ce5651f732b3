namespace FineTuneTool.Engine.Training.Schedules;

/// <summary>How a rate rises or falls between its ends.</summary>
public enum LrRamp
{
    Linear,
    Cosine,
    OneMinusSqrt,
}

/// <summary>
/// What a schedule reads. The first three decide for all; the others have the defaults of transformers, which keeps them in
/// <c>lr_scheduler_kwargs</c>.
/// </summary>
/// <param name="LearningRate">The largest rate.</param>
/// <param name="TotalSteps">Updates of the whole run, warm-up included.</param>
public sealed record LrScheduleSettings(double LearningRate, long TotalSteps, long WarmupSteps)
{
    /// <summary>Lowest rate as a share of the largest (cosine with a minimum, warm-up-stable-decay).</summary>
    public double MinLrRatio { get; init; }

    /// <summary>Waves of a cosine (default one half), or restarts (default 1).</summary>
    public double? NumCycles { get; init; }

    /// <summary>Exponent of the polynomial.</summary>
    public double Power { get; init; } = 1;

    /// <summary>Rate at the end of the polynomial.</summary>
    public double LrEnd { get; init; } = 1e-7;

    /// <summary>Of the inverse square root; default: the warm-up, or 10000 without one.</summary>
    public long? Timescale { get; init; }

    /// <summary>Rate of the first update as a share of the largest, for cosine-warmup-with-min-lr; default 1/warm-up.</summary>
    public double? WarmupLrRate { get; init; }

    /// <summary>Updates of the last phase of warm-up-stable-decay; default a tenth of all, rounded up.</summary>
    public long? DecaySteps { get; init; }

    /// <summary>Updates at the largest rate in warm-up-stable-decay; default: what warm-up and decay leave.</summary>
    public long? StableSteps { get; init; }

    public LrRamp WarmupType { get; init; } = LrRamp.Linear;

    public LrRamp DecayType { get; init; } = LrRamp.Cosine;

    public static LrScheduleSettings From(TrainingSettings settings, long totalSteps) => new(
        settings.LearningRate,
        totalSteps,
        Warmup(settings.WarmupSteps > 0 ? settings.WarmupSteps : settings.WarmupRatio, totalSteps))
    {
        MinLrRatio = settings.MinLrRatio,
    };

    /// <summary>Warm-up steps as transformers rounds them: a value from 1 is a count and is cut to a whole number, a smaller one a share, rounded up.</summary>
    public static long Warmup(double value, long totalSteps) => value >= 1 ? (long)value : (long)Math.Ceiling(totalSteps * value);
}
