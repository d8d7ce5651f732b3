using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Batches;

/// <summary>Which tokens stand for spans of a text: the rule of transformers' assistant masks.</summary>
internal static class TokenSpans
{
    /// <summary>
    /// Marks, for each span, the tokens from the one that holds its first character to the one that holds its last. When no token holds
    /// the last (or token 0 does), everything to the end is marked; when none holds the first, this span and the rest are left out.
    /// </summary>
    public static bool[] Mark(IReadOnlyList<TextSpan> offsets, IReadOnlyList<TextSpan> spans)
    {
        bool[] marked = new bool[offsets.Count];
        int from = 0;
        foreach (TextSpan span in spans)
        {
            // Spans ascend, so the search may begin at the last hit.
            int first = TokenOf(offsets, span.Start, from);
            if (first < 0)
            {
                break;
            }

            from = first;
            int last = TokenOf(offsets, span.End - 1, span.End - 1 < span.Start ? 0 : first);
            Array.Fill(marked, true, first, Math.Max(0, (last > 0 ? last + 1 : marked.Length) - first));
        }

        return marked;
    }

    /// <summary>The first token whose range holds a character; −1 for none.</summary>
    private static int TokenOf(IReadOnlyList<TextSpan> offsets, int character, int from)
    {
        for (int token = from; token < offsets.Count; token++)
        {
            if (offsets[token].Start <= character && character < offsets[token].End)
            {
                return token;
            }
        }

        return -1;
    }
}
