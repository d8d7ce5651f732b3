namespace FineTuneTool.Engine.Models;

/// <summary>How the rotary frequencies of long contexts are made; names as in Hugging Face's <c>rope_type</c>.</summary>
public enum RopeType
{
    Default,
    Linear,
    Dynamic,
    Yarn,
    Llama3,
}

/// <summary>Rotary embedding of a model: the fields of Hugging Face's <c>rope_parameters</c>.</summary>
public sealed record RopeParameters
{
    public RopeType RopeType { get; init; }

    public double RopeTheta { get; init; } = 10000;

    /// <summary>How many times the context is longer than the original one.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>Context of the pre-training, in tokens; used by dynamic, yarn and llama3.</summary>
    public int OriginalMaxPositionEmbeddings { get; init; }

    public double LowFreqFactor { get; init; } = 1;

    public double HighFreqFactor { get; init; } = 4;

    public double BetaFast { get; init; } = 32;

    public double BetaSlow { get; init; } = 1;

    /// <summary>Whether yarn rounds its correction range outwards to whole dimensions.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>Yarn's factor on cosines and sines; null = 0.1·ln(Factor) + 1.</summary>
    public double? AttentionFactor { get; init; }

    /// <summary>What each frequency is divided by (GGUF's <c>rope_freqs.weight</c>), or null.</summary>
    public IReadOnlyList<float>? Divisors { get; init; }

    /// <summary>The frequencies depend on how long the document is.</summary>
    public bool DependsOnLength => RopeType == RopeType.Dynamic;
}
