namespace FineTuneTool.Engine.Tokenizers;

/// <summary>
/// Token ids and, for each, the range of the text that it stands for, in code points. A token that was added around the text has
/// the range (0, 0). Where one character is split over several tokens, each of them carries the whole character, so ranges may overlap.
/// </summary>
public sealed record TokenizedText(int[] Ids, TextSpan[] Offsets);
