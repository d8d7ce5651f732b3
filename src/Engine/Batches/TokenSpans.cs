using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Batches;

/// <summary>Which tokens stand for spans of a text: the rule of transformers' assistant masks.</summary>
internal static class TokenSpans
{
    /// <summary>
    /// Weights of tokens, 0 where none is learnt. A span gives its weight to the tokens from the one that holds its first character to the one that holds its last. When no token holds
    /// the last (or token 0 does), everything to the end has it; when none holds the first, this span and the rest are left out.
    /// </summary>
    /// <param name="spanWeights">Of each span; null = 1.</param>
    /// <param name="crosses">A span begins inside a token, so that the model never gets the text before it as it was trained.</param>
    public static float[] Weigh(TextSpan[] offsets, IReadOnlyList<TextSpan> spans, IReadOnlyList<float>? spanWeights, out bool crosses)
    {
        float[] weights = new float[offsets.Length];
        int from = 0;
        crosses = false;
        for (int i = 0; i < spans.Count; i++)
        {
            TextSpan span = spans[i];
            // Spans ascend, so the search may begin at the last hit.
            int first = TokenOf(offsets, span.Start, from);
            if (first < 0)
            {
                break;
            }

            from = first;
            crosses |= offsets[first].Start < span.Start && span.Length > 0;
            int last = TokenOf(offsets, span.End - 1, span.End - 1 < span.Start ? 0 : first);
            Array.Fill(weights, spanWeights?[i] ?? 1, first, Math.Max(0, (last > 0 ? last + 1 : weights.Length) - first));
        }

        return weights;
    }

    /// <summary>The first token whose range holds a character; −1 for none.</summary>
    private static int TokenOf(TextSpan[] offsets, int character, int from)
    {
        for (int token = from; token < offsets.Length; token++)
        {
            if (offsets[token].Start <= character && character < offsets[token].End)
            {
                return token;
            }
        }

        return -1;
    }
}
