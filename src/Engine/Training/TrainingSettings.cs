using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Training;

/// <summary>What the trainer reads of a project's settings. Names, limits and meaning are those of <see cref="SettingTable"/>.</summary>
public sealed record TrainingSettings
{
    /// <summary>Passes over the training rows; a part of one is allowed.</summary>
    public double NumEpochs { get; init; } = 3;

    /// <summary>Optimizer steps in all; 0 = by <see cref="NumEpochs"/>.</summary>
    public int MaxSteps { get; init; }

    /// <summary>Rows of one forward pass.</summary>
    public int MicroBatchSize { get; init; } = 1;

    /// <summary>Forward passes of one optimizer step.</summary>
    public int GradientAccumulationSteps { get; init; } = 8;

    public double LearningRate { get; init; } = 1e-4;

    /// <summary>A name of <see cref="Schedules.LrSchedules.All"/>.</summary>
    public string LrScheduler { get; init; } = "cosine";

    public double WarmupRatio { get; init; } = 0.03;

    /// <summary>Wins over <see cref="WarmupRatio"/> where above 0.</summary>
    public int WarmupSteps { get; init; }

    public double MinLrRatio { get; init; }

    /// <summary>A name of <see cref="Optimizers.OptimizerKinds.All"/>.</summary>
    public string Optimizer { get; init; } = "adamw";

    /// <summary>The matrices B learn so many times faster than A (<see cref="Optimizers.LoraPlus"/>).</summary>
    public double LoraPlusLrRatio { get; init; } = 1;

    /// <summary>Noise on the embedded tokens of training rows; 0 = off.</summary>
    public double NeftuneNoiseAlpha { get; init; }

    public double WeightDecay { get; init; } = 0.01;

    public double AdamBeta1 { get; init; } = 0.9;

    public double AdamBeta2 { get; init; } = 0.999;

    public double AdamEpsilon { get; init; } = 1e-8;

    /// <summary>Gradients are scaled down to this norm; 0 = off.</summary>
    public double MaxGradNorm { get; init; } = 1;

    /// <summary>Evaluate every so many steps; 0 = once an epoch.</summary>
    public int EvalSteps { get; init; }

    /// <summary>Checkpoint every so many steps; 0 = once an epoch.</summary>
    public int SaveSteps { get; init; }

    /// <summary>Checkpoints kept; the best and the newest always are.</summary>
    public int SaveTotalLimit { get; init; } = 2;

    public int LoggingSteps { get; init; } = 10;

    /// <summary>Stop after so many evaluations without a better one; 0 = off.</summary>
    public int EarlyStoppingPatience { get; init; }

    /// <summary>What makes an evaluation better than another: <c>EvalLoss</c>, or <c>TokenAccuracy</c>.</summary>
    public string MetricForBestModel { get; init; } = "EvalLoss";

    public bool LoadBestModelAtEnd { get; init; } = true;

    public ulong Seed { get; init; } = 42;

    public static TrainingSettings From(RunSettings settings) => new()
    {
        NumEpochs = settings.NumEpochs,
        MaxSteps = settings.MaxSteps,
        MicroBatchSize = settings.MicroBatchSize,
        GradientAccumulationSteps = settings.GradientAccumulationSteps,
        LearningRate = settings.LearningRate,
        LrScheduler = settings.LrScheduler,
        WarmupRatio = settings.WarmupRatio,
        WarmupSteps = settings.WarmupSteps,
        MinLrRatio = settings.MinLrRatio,
        Optimizer = settings.Optimizer,
        LoraPlusLrRatio = settings.LoraPlusLrRatio,
        NeftuneNoiseAlpha = settings.NeftuneNoiseAlpha,
        WeightDecay = settings.WeightDecay,
        AdamBeta1 = settings.AdamBeta1,
        AdamBeta2 = settings.AdamBeta2,
        AdamEpsilon = settings.AdamEpsilon,
        MaxGradNorm = settings.MaxGradNorm,
        EvalSteps = settings.EvalSteps,
        SaveSteps = settings.SaveSteps,
        SaveTotalLimit = settings.SaveTotalLimit,
        LoggingSteps = settings.LoggingSteps,
        EarlyStoppingPatience = settings.EarlyStoppingPatience,
        MetricForBestModel = settings.MetricForBestModel,
        LoadBestModelAtEnd = settings.LoadBestModelAtEnd,
        Seed = settings.Seed,
    };
}
