using System.Text;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.Normalizers;

/// <summary>Lower case, one code point at a time (no context, no language).</summary>
internal sealed class LowercaseNormalizer : Normalizer
{
    private const int CapitalIWithDot = 0x130;
    private const int CombiningDotAbove = 0x307;

    public override Segment Normalize(Segment segment)
    {
        var builder = new AlignedText.Builder(segment.Length);
        for (int i = segment.Start; i < segment.End; i++)
        {
            int point = segment.Text.Points[i];
            if (point == CapitalIWithDot)
            {
                builder.Add('i', segment.Text, i);
                builder.Add(CombiningDotAbove, segment.Text, i);
            }
            else
            {
                builder.Add(Rune.ToLowerInvariant(new Rune(point)).Value, segment.Text, i);
            }
        }

        return Whole(builder);
    }
}

/// <summary>Puts a text in front of every text that is not empty.</summary>
internal sealed class PrependNormalizer(int[] prefix) : Normalizer
{
    public override Segment Normalize(Segment segment)
    {
        if (segment.Length == 0)
        {
            return segment;
        }

        var builder = new AlignedText.Builder(segment.Length + prefix.Length);
        foreach (int point in prefix)
        {
            builder.Add(point, segment.Text, segment.Start);
        }

        builder.Copy(segment.Text, segment.Start, segment.End);
        return Whole(builder);
    }
}

/// <summary>Removes white space from the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    public override Segment Normalize(Segment segment)
    {
        int start = segment.Start;
        int end = segment.End;
        while (left && start < end && PointClasses.Is(segment.Text.Points[start], PointClass.WhiteSpace))
        {
            start++;
        }

        while (right && end > start && PointClasses.Is(segment.Text.Points[end - 1], PointClass.WhiteSpace))
        {
            end--;
        }

        return segment with { Start = start, End = end };
    }
}

/// <summary>Removes every mark.</summary>
internal sealed class StripAccentsNormalizer : Normalizer
{
    public override Segment Normalize(Segment segment)
    {
        var builder = new AlignedText.Builder(segment.Length);
        for (int i = segment.Start; i < segment.End; i++)
        {
            if (!PointClasses.Is(segment.Text.Points[i], PointClass.Mark))
            {
                builder.Add(segment.Text.Points[i], segment.Text, i);
            }
        }

        return Whole(builder);
    }
}

/// <summary>Writes every byte as its letter.</summary>
internal sealed class ByteLevelNormalizer : Normalizer
{
    public override Segment Normalize(Segment segment)
    {
        var builder = new AlignedText.Builder(segment.Length);
        for (int i = segment.Start; i < segment.End; i++)
        {
            PreTokenizers.ByteLetters.Spell(segment.Text, i, builder);
        }

        return Whole(builder);
    }
}
