namespace FineTuneTool.Engine.Tokenizers;

/// <summary>Consecutive tokens that spell whole characters together: usually one token, several where a character is cut.</summary>
/// <param name="Start">Index of the first token.</param>
/// <param name="Count">Tokens, at least 1.</param>
/// <param name="Bytes">What they spell, in UTF-8; ill-formed where a character is not complete, empty for an id without a token.</param>
/// <param name="IsSpecial">A token that stands for no text: the beginning or the end of something, a role.</param>
public sealed record TokenPiece(int Start, int Count, byte[] Bytes, bool IsSpecial);
