namespace FineTuneTool.Engine.Tokenizers.Models;

/// <summary>
/// Where a piece of a SentencePiece vocabulary may be cut without changing its tokens: before a mark (▁) that follows something else. So words that
/// come again are spelt once, and a long text is not one long piece.
/// </summary>
internal static class WordBoundaries
{
    private const char Mark = '▁';

    /// <summary>True where no token reaches over such a place, so that no merge does, and the mark itself is known.</summary>
    public static bool Hold(Vocabulary vocabulary) =>
        vocabulary.Find(Mark.ToString()) is not null && vocabulary.Tokens.All(static token => token is null || !ReachesOver(token));

    /// <summary>The end of the word that some code points begin with.</summary>
    public static int Next(ReadOnlySpan<int> points)
    {
        int at = 0;
        while (at < points.Length && points[at] == Mark)
        {
            at++;
        }

        int mark = points[at..].IndexOf(Mark);
        return mark < 0 ? points.Length : at + mark;
    }

    private static bool ReachesOver(string token)
    {
        int last = token.LastIndexOf(Mark);
        return last > 0 && token.AsSpan(0, last).ContainsAnyExcept(Mark);
    }
}
