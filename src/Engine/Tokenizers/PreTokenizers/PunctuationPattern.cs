using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>
/// Single punctuation marks, as the reference library's Punctuation and BERT parts see them: all of ASCII's, symbols included, and
/// <c>\p{P}</c> of Unicode 9, at which their table stands.
/// </summary>
internal sealed class PunctuationPattern : SplitPattern
{
    private const int CanadianSyllabicsChiSign = 0x166D;
    private const int SharadaSandhiMark = 0x111C9;

    /// <summary>Code points that became <c>\p{P}</c> after Unicode 9; first and last of each range.</summary>
    private static readonly int[] Later =
    [
        0x61D, 0x61D, 0x9FD, 0x9FD, 0xA76, 0xA76, 0xC77, 0xC77, 0xC84, 0xC84, 0x1B4E, 0x1B4F, 0x1B7D, 0x1B7F, 0x2E45, 0x2E4F,
        0x2E52, 0x2E5D, 0x10D6E, 0x10D6E, 0x10EAD, 0x10EAD, 0x10F55, 0x10F59, 0x10F86, 0x10F89, 0x113D4, 0x113D5, 0x113D7, 0x113D8,
        0x1145A, 0x1145A, 0x116B9, 0x116B9, 0x1183B, 0x1183B, 0x11944, 0x11946, 0x119E2, 0x119E2, 0x11A3F, 0x11A46, 0x11A9A, 0x11A9C,
        0x11A9E, 0x11AA2, 0x11B00, 0x11B09, 0x11BE1, 0x11BE1, 0x11EF7, 0x11EF8, 0x11F43, 0x11F4F, 0x11FFF, 0x11FFF, 0x12FF1, 0x12FF2,
        0x16D6D, 0x16D6F, 0x16E97, 0x16E9A, 0x16FE2, 0x16FE2, 0x1E5FF, 0x1E5FF,
    ];

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

        return PointClasses.Is(point, PointClass.Punctuation) ? !IsLater(point) : point is CanadianSyllabicsChiSign or SharadaSandhiMark;
    }

    private static bool IsLater(int point)
    {
        int at = Array.BinarySearch(Later, point);

        // Between the ends of a range the search points at the range's end, which has an odd index.
        return at >= 0 || (~at & 1) == 1;
    }
}
