namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>Finds the places where a pre-tokenizer or normalizer acts. Works on code points; offsets count from the start of the span.</summary>
internal abstract class SplitPattern
{
    /// <summary>The first match at or after <paramref name="from"/>; it sees nothing outside <paramref name="text"/>.</summary>
    public abstract bool Find(ReadOnlySpan<int> text, int from, out int start, out int end);

    /// <summary>The match that follows a match [<paramref name="lastStart"/>, <paramref name="lastEnd"/>); steps on after an empty one.</summary>
    public bool FindAfter(ReadOnlySpan<int> text, int lastStart, int lastEnd, out int start, out int end)
    {
        int from = lastEnd > lastStart ? lastEnd : lastEnd + 1;
        if (from <= text.Length)
        {
            return Find(text, from, out start, out end);
        }

        start = end = text.Length;
        return false;
    }
}

/// <summary>A fixed text.</summary>
internal sealed class LiteralPattern(int[] literal) : SplitPattern
{
    public override bool Find(ReadOnlySpan<int> text, int from, out int start, out int end)
    {
        int at = literal.Length == 0 ? -1 : text[from..].IndexOf(literal);
        start = at < 0 ? text.Length : from + at;
        end = at < 0 ? text.Length : start + literal.Length;
        return at >= 0;
    }
}

/// <summary>Every single code point for which a condition holds.</summary>
internal sealed class PointPattern(Func<int, bool> matches) : SplitPattern
{
    public override bool Find(ReadOnlySpan<int> text, int from, out int start, out int end)
    {
        for (start = from; start < text.Length; start++)
        {
            if (matches(text[start]))
            {
                end = start + 1;
                return true;
            }
        }

        end = start;
        return false;
    }
}
