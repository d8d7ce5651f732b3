using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>
/// Single punctuation marks, as the reference library's Punctuation and BERT parts see them: all of ASCII's, symbols included, and
/// <c>\p{P}</c> of Unicode 8, at which their table stands.
/// </summary>
internal sealed class PunctuationPattern : SplitPattern
{
    private const int CanadianSyllabicsChiSign = 0x166D;
    private const int SharadaSandhiMark = 0x111C9;

    public override bool Find(ReadOnlySpan<int> text, int from, out int start, out int end)
    {
        start = from;
        while (start < text.Length && !IsPunctuation(text[start]))
        {
            start++;
        }

        end = Math.Min(start + 1, text.Length);
        return start < text.Length;
    }

    private static bool IsPunctuation(int point)
    {
        if (point < 128)
        {
            return point is > ' ' and < 0x7F && !char.IsAsciiLetterOrDigit((char)point);
        }

        return PointClasses.Is(point, PointClass.Punctuation) ? !LaterPoints.IsPunctuation(point) : point is CanadianSyllabicsChiSign or SharadaSandhiMark;
    }
}
