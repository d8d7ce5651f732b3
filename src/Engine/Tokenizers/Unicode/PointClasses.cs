using System.Globalization;

namespace FineTuneTool.Engine.Tokenizers.Unicode;

/// <summary>The <see cref="PointClass"/> of every code point, in pages of 256 that are filled at first use.</summary>
internal static class PointClasses
{
    private const PointClass CasedWord = PointClass.Letter | PointClass.Word | PointClass.ListedWord | PointClass.WordNeighbour;
    private const PointClass UncasedWord = CasedWord | PointClass.UpperLike | PointClass.LowerLike;

    private static readonly PointClass[]?[] Pages = new PointClass[]?[0x1100];

    public static PointClass Of(int point) => (Pages[point >> 8] ?? Fill(point >> 8))[point & 0xFF];

    public static bool Is(int point, PointClass any) => (Of(point) & any) != 0;

    public static UnicodeCategory Category(int point) => CharUnicodeInfo.GetUnicodeCategory(point);

    private static PointClass[] Fill(int page)
    {
        var classes = new PointClass[256];
        for (int i = 0; i < classes.Length; i++)
        {
            int point = (page << 8) | i;
            classes[i] = FromCategory(Category(point)) | Exceptions(point);
        }

        return Pages[page] = classes;
    }

    private static PointClass FromCategory(UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.TitlecaseLetter => CasedWord | PointClass.UpperLike,
        UnicodeCategory.LowercaseLetter => CasedWord | PointClass.LowerLike,
        UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => UncasedWord,
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark =>
            PointClass.Mark | PointClass.Word | PointClass.ListedWord | PointClass.WordNeighbour | PointClass.UpperLike | PointClass.LowerLike,
        UnicodeCategory.DecimalDigitNumber => PointClass.Number | PointClass.Digit | PointClass.Word | PointClass.ListedWord | PointClass.WordNeighbour,
        UnicodeCategory.LetterNumber => PointClass.Number | PointClass.Word | PointClass.ListedWord | PointClass.WordNeighbour,
        UnicodeCategory.OtherNumber => PointClass.Number,
        UnicodeCategory.ConnectorPunctuation => PointClass.Punctuation | PointClass.Word | PointClass.ListedWord | PointClass.WordNeighbour,
        UnicodeCategory.DashPunctuation or UnicodeCategory.OpenPunctuation or UnicodeCategory.ClosePunctuation or
            UnicodeCategory.InitialQuotePunctuation or UnicodeCategory.FinalQuotePunctuation or UnicodeCategory.OtherPunctuation => PointClass.Punctuation,
        UnicodeCategory.MathSymbol or UnicodeCategory.CurrencySymbol or UnicodeCategory.ModifierSymbol or UnicodeCategory.OtherSymbol => PointClass.Symbol,
        _ => PointClass.None,
    };

    private static PointClass Exceptions(int point) => point switch
    {
        '\r' or '\n' => PointClass.LineBreak | PointClass.WhiteSpace,
        '\t' or 0x0B or 0x0C or ' ' or 0x85 or 0xA0 or 0x1680 or (>= 0x2000 and <= 0x200A) or 0x2028 or 0x2029 or 0x202F or 0x205F or 0x3000 => PointClass.WhiteSpace,

        // The symbols that have the property Other_Alphabetic: circled and squared letters.
        (>= 0x24B6 and <= 0x24E9) or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189) => PointClass.Word | PointClass.ListedWord | PointClass.WordNeighbour,

        // The joiners; and small numbers, which the pattern engine takes for word characters in the Latin-1 block only, and not inside brackets.
        0x200C or 0x200D => PointClass.WordNeighbour,
        0xB2 or 0xB3 or 0xB9 or (>= 0xBC and <= 0xBE) => PointClass.Word,
        _ => PointClass.None,
    };
}
