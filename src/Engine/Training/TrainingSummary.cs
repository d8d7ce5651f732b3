using System.Text.Json;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Training;

public enum TrainingStatus
{
    Completed,

    /// <summary>Stopped on request after a checkpoint; the same call goes on from it.</summary>
    Stopped,
}

/// <summary>How a run ended; training.json. Losses are means per supervised token in nats.</summary>
public sealed record TrainingSummary
{
    public const string FileName = "training.json";

    public required TrainingStatus Status { get; init; }

    /// <summary>Steps done.</summary>
    public long Step { get; init; }

    public long TotalSteps { get; init; }

    public double Epoch { get; init; }

    public bool StoppedEarly { get; init; }

    /// <summary>The step whose values are in the output folder; 0 when stopped.</summary>
    public long ResultStep { get; init; }

    /// <summary>Mean of all step losses.</summary>
    public double? TrainLoss { get; init; }

    /// <summary>Loss of the last step.</summary>
    public double? LastLoss { get; init; }

    /// <summary>Loss of the last evaluation; null where there was none.</summary>
    public double? EvalLoss { get; init; }

    public double? BestEvalLoss { get; init; }

    /// <summary>Step of the best evaluation; 0 where there was none.</summary>
    public long BestStep { get; init; }

    public long Tokens { get; init; }

    public long SupervisedTokens { get; init; }

    public long TrainableParameters { get; init; }

    /// <summary>Time spent in steps and evaluations, over all runs when it was resumed.</summary>
    public double Seconds { get; init; }

    /// <summary>The most memory that the process of the last call held; null where the system does not tell.</summary>
    public long? PeakBytes { get; init; }

    internal static TrainingSummary Of(TrainingState state, TrainingStatus status, long resultStep) => new()
    {
        Status = status,
        Step = state.Step,
        Epoch = state.Epoch,
        ResultStep = resultStep,
        TrainLoss = state.Step == 0 ? null : state.LossSum / state.Step,
        LastLoss = state.Last?.Loss,
        EvalLoss = state.EvalLoss,
        BestEvalLoss = state.BestEvalLoss,
        BestStep = state.BestStep,
        Tokens = state.Tokens,
        SupervisedTokens = state.SupervisedTokens,
        Seconds = state.Seconds,
        PeakBytes = PeakMemory.Bytes(),
    };

    /// <summary>Null where the file is absent or is not a summary.</summary>
    public static TrainingSummary? Read(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllBytes(path), TrainingJson.Default.TrainingSummary) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    internal void Write(string path) => AtomicFile.WriteText(path, JsonSerializer.Serialize(this, TrainingJson.Default.TrainingSummary));
}
