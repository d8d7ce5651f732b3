namespace FineTuneTool.Engine.Generation;

/// <summary>How one answer is made.</summary>
public sealed record GenerationOptions(SamplingSettings Sampling)
{
    /// <summary>Ids that end the answer; empty = only the length does.</summary>
    public IReadOnlySet<int> StopIds { get; init; } = new HashSet<int>();

    /// <summary>Texts that end the answer and are not part of it.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>False keeps special tokens such as <c>&lt;|im_end|&gt;</c> in the text.</summary>
    public bool SkipSpecialTokens { get; init; } = true;

    /// <summary>Tells answers of one run apart, so that each has random numbers of its own.</summary>
    public ulong Stream { get; init; }
}
