namespace FineTuneTool.Engine.Tokenizers.Normalizers;

/// <summary>The cleaning of machine translation: control characters go; breaks, marks without width and replacement characters become spaces.</summary>
internal sealed class NmtNormalizer : Normalizer
{
    public override Segment Normalize(Segment segment)
    {
        var builder = new AlignedText.Builder(segment.Length);
        for (int i = segment.Start; i < segment.End; i++)
        {
            int point = segment.Text.Points[i];
            if (!Goes(point))
            {
                builder.Add(BecomesSpace(point) ? ' ' : point, segment.Text, i);
            }
        }

        return Whole(builder);
    }

    private static bool Goes(int point) => point is (>= 1 and <= 8) or 0x0B or (>= 0x0E and <= 0x1F) or 0x7F or 0x8F or 0x9F;

    private static bool BecomesSpace(int point) =>
        point is 0x09 or 0x0A or 0x0C or 0x0D or 0x1680 or (>= 0x200B and <= 0x200F) or 0x2028 or 0x2029 or 0x2581 or 0xFEFF or 0xFFFD;
}
