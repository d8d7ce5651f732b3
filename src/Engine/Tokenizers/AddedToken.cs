namespace FineTuneTool.Engine.Tokenizers;

/// <summary>
/// A token that is cut out of the text before the vocabulary's own rules see it; the flags are those of tokenizer.json.
/// </summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">The text that it stands for.</param>
/// <param name="Special">Left out by decoding with <c>skipSpecialTokens</c>.</param>
/// <param name="Normalized">Searched after the normalizer, instead of before.</param>
/// <param name="SingleWord">Matches only where no word character touches it.</param>
/// <param name="LStrip">Takes the white space to its left with it.</param>
/// <param name="RStrip">Takes the white space to its right with it.</param>
public sealed record AddedToken(int Id, string Content, bool Special, bool Normalized = false, bool SingleWord = false, bool LStrip = false, bool RStrip = false);
