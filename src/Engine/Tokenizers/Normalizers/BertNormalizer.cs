using System.Globalization;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.Normalizers;

/// <summary>
/// BERT's cleaning, each part by its flag: control characters go and white space becomes a space; Chinese characters stand alone; accents go;
/// lower case.
/// </summary>
internal sealed class BertNormalizer(bool cleanText, bool separateChinese, bool stripAccents, bool lowercase) : Normalizer
{
    private static readonly UnicodeNormalizer Decompose = new(compose: false, compatibility: false);
    private static readonly LowercaseNormalizer Lowercase = new();

    public override Segment Normalize(Segment segment)
    {
        segment = cleanText ? Clean(segment) : segment;
        segment = separateChinese ? Separate(segment) : segment;
        segment = stripAccents ? Strip(Decompose.Normalize(segment)) : segment;
        return lowercase ? Lowercase.Normalize(segment) : segment;
    }

    private static Segment Clean(Segment segment)
    {
        var builder = new AlignedText.Builder(segment.Length);
        for (int i = segment.Start; i < segment.End; i++)
        {
            int point = segment.Text.Points[i];
            if (PointClasses.Is(point, PointClass.WhiteSpace) && point is not (0x0B or 0x0C or 0x85))
            {
                builder.Add(' ', segment.Text, i);
            }
            else if (point is not (0 or CodePoints.Replacement) && !IsControl(point))
            {
                builder.Add(point, segment.Text, i);
            }
        }

        return Whole(builder);
    }

    private static bool IsControl(int point) => PointClasses.Category(point) switch
    {
        UnicodeCategory.Control or UnicodeCategory.PrivateUse => true,
        UnicodeCategory.Format => !LaterPoints.IsFormat(point),
        _ => false,
    };

    private static Segment Separate(Segment segment)
    {
        var builder = new AlignedText.Builder(segment.Length + 16);
        for (int i = segment.Start; i < segment.End; i++)
        {
            int point = segment.Text.Points[i];
            bool chinese = IsChinese(point);
            if (chinese)
            {
                builder.Add(' ', segment.Text, i);
            }

            builder.Add(point, segment.Text, i);
            if (chinese)
            {
                builder.Add(' ', segment.Text, i);
            }
        }

        return Whole(builder);
    }

    /// <summary>The blocks of ideographs that BERT names (the library's table begins one of them at 2B920).</summary>
    private static bool IsChinese(int point) =>
        point is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F)
            or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);

    private static Segment Strip(Segment segment)
    {
        var builder = new AlignedText.Builder(segment.Length);
        for (int i = segment.Start; i < segment.End; i++)
        {
            if (!IsAccent(segment.Text.Points[i]))
            {
                builder.Add(segment.Text.Points[i], segment.Text, i);
            }
        }

        return Whole(builder);
    }

    /// <summary><c>\p{Mn}</c> of Unicode 8; U+1734 was in it then.</summary>
    private static bool IsAccent(int point) =>
        point == 0x1734 || (PointClasses.Category(point) == UnicodeCategory.NonSpacingMark && !LaterPoints.IsMark(point));
}
