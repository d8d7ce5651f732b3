using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Batches;

/// <summary>What became of a row.</summary>
public enum RowOutcome
{
    Kept,
    Truncated,
    Split,
    TooLong,
    NothingSupervised,
}

/// <summary>The examples that a row became: none where it was dropped, several where it was split.</summary>
public sealed record TokenizedRow(RowOutcome Outcome, IReadOnlyList<TokenizedExample> Examples, SourcePosition Position)
{
    /// <summary>Truncating took away something that was to be learnt.</summary>
    public bool LostAnswer { get; init; }

    /// <summary>
    /// A token lies across the end of the prompt and the beginning of the answer. The model is trained with that token and never gets it when it is asked.
    /// </summary>
    public bool CrossesBoundary { get; init; }
}
