namespace FineTuneTool.Engine.Tokenizers.Decoders;

/// <summary>WordPiece tokens to words: those with the prefix (##) join the one before, the others follow a space.</summary>
internal sealed class WordPieceDecoder(string prefix, bool cleanUp) : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) =>
        [.. tokens.Select((token, i) => CleanUp(i == 0 ? token : prefix.Length > 0 && token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : " " + token))];

    /// <summary>Takes the space before English punctuation and contractions away.</summary>
    public static string Clean(string text)
    {
        foreach ((string spaced, string plain) in Spaced)
        {
            text = text.Replace(spaced, plain, StringComparison.Ordinal);
        }

        return text;
    }

    private static readonly (string Spaced, string Plain)[] Spaced =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];

    private string CleanUp(string token) => cleanUp ? Clean(token) : token;
}

/// <summary>Tokens whose last letter carries the end of the word: the mark becomes a space, at the end of the text nothing.</summary>
internal sealed class EndOfWordDecoder(string suffix) : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) =>
        suffix.Length == 0 ? tokens : [.. tokens.Select((token, i) => token.Replace(suffix, i == tokens.Count - 1 ? "" : " ", StringComparison.Ordinal))];
}

/// <summary>Answers of speech models: repeated tokens count once, padding goes, the delimiter becomes a space.</summary>
internal sealed class CtcDecoder(string padding, string delimiter, bool cleanUp) : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) =>
        [.. tokens.Where((token, i) => i == 0 || token != tokens[i - 1]).Select(Text).Where(text => text.Length > 0)];

    private string Text(string token)
    {
        string text = Without(token, padding, "");
        return cleanUp ? Without(WordPieceDecoder.Clean(text), delimiter, " ") : text;
    }

    private static string Without(string text, string part, string instead) => part.Length == 0 ? text : text.Replace(part, instead, StringComparison.Ordinal);
}
