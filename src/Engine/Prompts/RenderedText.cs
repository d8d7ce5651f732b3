using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Prompts;

/// <summary>A row as text, and which of it is to be learnt.</summary>
/// <param name="Supervised">In order, without overlap, in code points of the text.</param>
public sealed record RenderedText(string Text, IReadOnlyList<TextSpan> Supervised)
{
    /// <summary>How much each supervised span counts in the loss, above 0; null = all alike.</summary>
    public IReadOnlyList<float>? Weights { get; init; }

    /// <summary>
    /// What the text begins with when the model is asked, where a row is a prompt with its completion. Of the supervised spans
    /// only tokens after those that the prompt has by itself are learnt. Null otherwise.
    /// </summary>
    public string? Prompt { get; init; }

    /// <summary>
    /// True for chat templates, which write every special token themselves. Otherwise the tokenizer adds what it adds around a text,
    /// and an end token follows what is learnt.
    /// </summary>
    public bool WritesSpecialTokens { get; init; }
}
