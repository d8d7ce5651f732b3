namespace FineTuneTool.Engine.Tokenizers.Models;

/// <summary>A vocabulary and the rule by which it spells a piece of text.</summary>
internal abstract class TokenModel
{
    /// <summary>Tokens by id; null where an id is not used.</summary>
    public abstract IReadOnlyList<string?> Tokens { get; }

    public abstract int? TokenToId(string token);

    /// <summary>Appends the tokens of the piece [<paramref name="start"/>, <paramref name="end"/>) of <paramref name="text"/>.</summary>
    public abstract void Encode(AlignedText text, int start, int end, TokenSink sink);
}
