using FineTuneTool.Engine.Data.Cleaning;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Batches;

/// <summary>What happens to a row with more than MaxSeqLength tokens.</summary>
public enum ExcessLengthStrategy
{
    /// <summary>Its beginning is kept.</summary>
    Truncate,

    /// <summary>It is left out and counted.</summary>
    Drop,

    /// <summary>It becomes several rows; without an overlap the first token of a later one is not learnt, since nothing stands before it.</summary>
    Split,

    /// <summary>FT0105.</summary>
    Error,
}

/// <summary>The settings that decide what a row becomes. Lengths in tokens, unless they are named Chars (code points; 0 = off).</summary>
public sealed record PreprocessSettings
{
    public required int MaxSeqLength { get; init; }

    public ExcessLengthStrategy ExcessLengthStrategy { get; init; }

    /// <summary>Tokens of the piece before with which a later piece of a row begins, below MaxSeqLength.</summary>
    public int ChunkOverlap { get; init; }

    public bool TrainOnInputs { get; init; }

    public Supervision Supervision { get; init; } = Supervision.Assistant;

    public double ValidationSplitRatio { get; init; }

    public double TestSplitRatio { get; init; }

    public CleaningSettings Cleaning { get; init; } = new();

    public ulong Seed { get; init; } = 42;

    public static PreprocessSettings From(RunSettings settings) => new()
    {
        MaxSeqLength = settings.MaxSeqLength,
        ExcessLengthStrategy = settings.ExcessLengthStrategy switch
        {
            "drop" => ExcessLengthStrategy.Drop,
            "split" => ExcessLengthStrategy.Split,
            "error" => ExcessLengthStrategy.Error,
            _ => ExcessLengthStrategy.Truncate,
        },
        ChunkOverlap = settings.ChunkOverlap,
        TrainOnInputs = settings.TrainOnInputs,
        Supervision = new Supervision(settings.RolesToTrain, settings.TurnsToTrain == "last"),
        ValidationSplitRatio = settings.ValidationSplitRatio,
        TestSplitRatio = settings.TestSplitRatio,
        Cleaning = new CleaningSettings
        {
            DeduplicateData = settings.DeduplicateData,
            NearDuplicates = Enum.Parse<NearDuplicates>(settings.NearDuplicates, ignoreCase: true),
            NearDuplicateThreshold = settings.NearDuplicateThreshold,
            MinChars = settings.MinChars,
            MaxChars = settings.MaxChars,
            MinLetterRatio = settings.MinLetterRatio,
            MaxRepetitionRatio = settings.MaxRepetitionRatio,
            MaxBrokenRatio = settings.MaxBrokenRatio,
        },
        Seed = settings.Seed,
    };
}
