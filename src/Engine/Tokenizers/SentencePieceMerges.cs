namespace FineTuneTool.Engine.Tokenizers;

/// <summary>
/// The merges of a SentencePiece BPE vocabulary. The model stores none: any two neighbours whose joined text is a piece may merge, the largest
/// score first. As the reference library's converter does it, every way to cut a piece into two others is a merge; those of one piece
/// are ordered by the ids of the halves.
/// </summary>
internal static class SentencePieceMerges
{
    /// <summary>Pieces are words; a vocabulary of longer ones is made to be slow.</summary>
    private const int LongestPiece = 1024;

    /// <summary>Published vocabularies have merges of two to three times the length of their pieces.</summary>
    private const long ShareOfText = 16, FreeText = 1 << 16;

    /// <summary>Pairs of ids, the first to be merged first. Raises <see cref="FormatException"/> where there are absurdly many.</summary>
    public static IEnumerable<(int Left, int Right)> Find(SentencePieceVocabulary vocabulary)
    {
        string[] tokens = vocabulary.Tokens;
        var ids = new Dictionary<string, int>(tokens.Length);
        long left = FreeText;
        for (int id = 0; id < tokens.Length; id++)
        {
            left += ShareOfText * tokens[id].Length;
            if (vocabulary.Types[id] is PieceType.Normal or PieceType.UserDefined or PieceType.Undefined)
            {
                ids.TryAdd(tokens[id], id);
            }
        }

        var byText = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        var merges = new List<(int Left, int Right, float Score)>(tokens.Length);
        var cuts = new List<(int Left, int Right)>();
        foreach (int id in ids.Values.Order())
        {
            string token = tokens[id];
            if (token.Length > LongestPiece)
            {
                throw new FormatException($"has a piece of {token.Length} characters");
            }

            cuts.Clear();
            for (int at = 1; at < token.Length; at++)
            {
                if (!char.IsLowSurrogate(token[at]) && byText.TryGetValue(token.AsSpan(0, at), out int first) && byText.TryGetValue(token.AsSpan(at), out int second))
                {
                    cuts.Add((first, second));
                }
            }

            left -= (long)cuts.Count * token.Length;
            if (left < 0)
            {
                throw new FormatException("has pieces that can be cut into others in too many ways");
            }

            cuts.Sort();
            merges.AddRange(cuts.Select(cut => (cut.Left, cut.Right, vocabulary.Scores[id])));
        }

        return merges.OrderByDescending(static merge => merge.Score).Select(static merge => (merge.Left, merge.Right));
    }
}
