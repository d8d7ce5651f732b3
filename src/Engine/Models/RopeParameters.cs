namespace FineTuneTool.Engine.Models;

/// <summary>How the rotary frequencies of long contexts are made; names as in Hugging Face's <c>rope_type</c>.</summary>
public enum RopeType
{
    Default,
    Linear,
    Dynamic,
    Yarn,
    Llama3,
    LongRope,
}

/// <summary>Rotary embedding of a model: the fields of Hugging Face's <c>rope_parameters</c>.</summary>
public sealed record RopeParameters
{
    public RopeType RopeType { get; init; }

    public double RopeTheta { get; init; } = 10000;

    /// <summary>How many times the context is longer than the original one.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>Context of the pre-training, in tokens; used by dynamic, yarn, llama3 and longrope.</summary>
    public int OriginalMaxPositionEmbeddings { get; init; }

    public double LowFreqFactor { get; init; } = 1;

    public double HighFreqFactor { get; init; } = 4;

    public double BetaFast { get; init; } = 32;

    public double BetaSlow { get; init; } = 1;

    /// <summary>Whether yarn rounds its correction range outwards to whole dimensions.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>Factor on cosines and sines of yarn, null = 0.1·ln(Factor) + 1, and of longrope, null = √(1 + ln(Factor) / ln(original context)).</summary>
    public double? AttentionFactor { get; init; }

    /// <summary>What each frequency is divided by (GGUF's <c>rope_freqs.weight</c>), or null.</summary>
    public IReadOnlyList<float>? Divisors { get; init; }

    /// <summary>Longrope's divisor of each frequency in documents up to the original context.</summary>
    public IReadOnlyList<float>? ShortFactor { get; init; }

    /// <summary>Longrope's divisor of each frequency in longer documents.</summary>
    public IReadOnlyList<float>? LongFactor { get; init; }

    /// <summary>The frequencies depend on how long the document is.</summary>
    public bool DependsOnLength => RopeType is RopeType.Dynamic or RopeType.LongRope;

    /// <summary>Documents of lengths with the same number share their frequencies.</summary>
    public int Variant(int length) => RopeType switch
    {
        RopeType.Dynamic => Math.Max(length, OriginalMaxPositionEmbeddings),
        RopeType.LongRope => length > OriginalMaxPositionEmbeddings ? 1 : 0,
        _ => 0,
    };
}
