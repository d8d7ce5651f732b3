using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Batches;

/// <summary>What happens to a row with more than MaxSeqLength tokens.</summary>
public enum ExcessLengthStrategy
{
    /// <summary>Its beginning is kept.</summary>
    Truncate,

    /// <summary>It is left out and counted.</summary>
    Drop,

    /// <summary>It becomes several rows; the first token of a later one is not learnt, since nothing stands before it.</summary>
    Split,

    /// <summary>FT0105.</summary>
    Error,
}

/// <summary>The settings that decide what a row becomes. Lengths in tokens, unless they are named Chars (code points; 0 = off).</summary>
public sealed record PreprocessSettings
{
    public required int MaxSeqLength { get; init; }

    public ExcessLengthStrategy ExcessLengthStrategy { get; init; }

    public bool TrainOnInputs { get; init; }

    public double ValidationSplitRatio { get; init; }

    public double TestSplitRatio { get; init; }

    public bool DeduplicateData { get; init; }

    public int MinChars { get; init; }

    public int MaxChars { get; init; }

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
        TrainOnInputs = settings.TrainOnInputs,
        ValidationSplitRatio = settings.ValidationSplitRatio,
        TestSplitRatio = settings.TestSplitRatio,
        DeduplicateData = settings.DeduplicateData,
        MinChars = settings.MinChars,
        MaxChars = settings.MaxChars,
        Seed = settings.Seed,
    };
}
