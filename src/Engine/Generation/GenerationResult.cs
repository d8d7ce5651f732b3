namespace FineTuneTool.Engine.Generation;

/// <summary>Why an answer ended.</summary>
public static class StopReasons
{
    /// <summary>The model said an end token.</summary>
    public const string EndOfSequence = "eos";

    /// <summary>MaxNewTokens or the context is used up.</summary>
    public const string Length = "length";

    /// <summary>A stop string appeared.</summary>
    public const string StopString = "stop";
}

/// <summary>One answer.</summary>
/// <param name="Ids">The chosen tokens, the end token included.</param>
/// <param name="Text">Their text, without the end token and from a stop string on.</param>
/// <param name="StopReason">One of <see cref="StopReasons"/>.</param>
/// <param name="PromptTokens">Tokens of the prompt.</param>
public sealed record GenerationResult(IReadOnlyList<int> Ids, string Text, string StopReason, int PromptTokens);
