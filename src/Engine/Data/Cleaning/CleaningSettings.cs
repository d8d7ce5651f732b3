using FineTuneTool.Engine.Prompts;

namespace FineTuneTool.Engine.Data.Cleaning;

/// <summary>What becomes of rows that are nearly like an earlier one.</summary>
public enum NearDuplicates
{
    /// <summary>They stay, but on one side of the split.</summary>
    Separate,

    /// <summary>They stay, wherever they are.</summary>
    Keep,

    /// <summary>Only the first of them stays.</summary>
    Drop,
}

/// <summary>Which rows stay. Limits that are off: 0 characters, a letter ratio of 0, ratios of 1.</summary>
public sealed record CleaningSettings
{
    public bool DeduplicateData { get; init; }

    public NearDuplicates NearDuplicates { get; init; }

    /// <summary>Share of shingles in common from which rows are alike.</summary>
    public double NearDuplicateThreshold { get; init; } = 0.8;

    public int MinChars { get; init; }

    public int MaxChars { get; init; }

    public double MinLetterRatio { get; init; }

    public double MaxRepetitionRatio { get; init; } = 1;

    public double MaxBrokenRatio { get; init; } = 1;

    /// <summary>Why a row is to be left out for what it is by itself; null where it may stay.</summary>
    internal string? FaultOf(Example example, TextQuality quality)
    {
        int characters = MinChars > 0 || MaxChars > 0 ? ExampleContent.Characters(example) : 0;
        return example.Weight == 0 ? DropReason.NoWeight
            : ExampleContent.HasEmptyField(example) ? DropReason.Empty
            : characters < MinChars ? DropReason.TooShort
            : MaxChars > 0 && characters > MaxChars ? DropReason.TooLong
            : quality.LetterRatio < MinLetterRatio ? DropReason.FewLetters
            : quality.RepetitionRatio > MaxRepetitionRatio ? DropReason.Repetitive
            : quality.BrokenRatio > MaxBrokenRatio ? DropReason.Broken
            : null;
    }
}
