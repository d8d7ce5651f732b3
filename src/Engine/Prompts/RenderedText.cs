using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Prompts;

/// <summary>A row as text, and which of it is to be learnt.</summary>
/// <param name="Supervised">In order, without overlap, in code points of the text.</param>
public sealed record RenderedText(string Text, IReadOnlyList<TextSpan> Supervised);
