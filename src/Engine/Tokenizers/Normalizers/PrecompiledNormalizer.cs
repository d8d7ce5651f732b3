using System.Globalization;
using System.Text;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.Normalizers;

/// <summary>
/// SentencePiece's compiled rules. The reference library applies them to a short cluster (what a reader sees as one character) as a whole where
/// a rule begins it, else to each code point alone; SentencePiece itself takes the longest rule everywhere (<paramref name="longestMatch"/>).
/// </summary>
internal sealed class PrecompiledNormalizer(CharsMap map, bool longestMatch) : Normalizer
{
    private const int LongestCluster = 5;

    public override Segment Normalize(Segment segment)
    {
        var units = new List<(int Point, int Change)>(segment.Length);
        bool changed = longestMatch ? TakeLongest(segment, units) : TakeClusters(segment, units);
        return changed ? Align(segment, units) : segment;
    }

    private bool TakeLongest(Segment segment, List<(int Point, int Change)> units)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(CodePoints.ToString(segment.Points));
        bool changed = false;
        int at = 0;
        for (int i = 0; i < segment.Length;)
        {
            int taken = map.Find(utf8.AsSpan(at), longest: true, out ReadOnlySpan<byte> replacement);
            int count = 0;
            int end = at + Math.Max(taken, 1);
            while (at < end)
            {
                at += CodePoints.Utf8Length(segment.Points[i + count++]);
            }

            if (taken > 0)
            {
                changed = true;
                Replace(units, count, replacement);
            }
            else
            {
                units.Add((segment.Points[i], 0));
            }

            i += count;
        }

        return changed;
    }

    private bool TakeClusters(Segment segment, List<(int Point, int Change)> units)
    {
        string text = CodePoints.ToString(segment.Points);
        bool changed = false;
        Span<byte> utf8 = stackalloc byte[LongestCluster + 1];
        int at = 0;
        for (ReadOnlySpan<char> rest = text; !rest.IsEmpty;)
        {
            int length = StringInfo.GetNextTextElementLength(rest);
            int count = Count(rest[..length]);
            bool isShort = Encoding.UTF8.TryGetBytes(rest[..length], utf8[..LongestCluster], out int bytes);
            if (isShort && map.Find(utf8[..bytes], out ReadOnlySpan<byte> replacement))
            {
                changed = true;
                Replace(units, count, replacement);
            }
            else
            {
                for (int i = 0; i < count; i++)
                {
                    int point = segment.Points[at + i];
                    if (map.Find(utf8[..CodePoints.WriteUtf8(point, utf8)], out replacement))
                    {
                        changed = true;
                        Replace(units, 1, replacement);
                    }
                    else
                    {
                        units.Add((point, 0));
                    }
                }
            }

            at += count;
            rest = rest[length..];
        }

        return changed;
    }

    private static int Count(ReadOnlySpan<char> units)
    {
        int count = 0;
        foreach (char unit in units)
        {
            count += char.IsLowSurrogate(unit) ? 0 : 1;
        }

        return count;
    }

    /// <summary>What is put in beyond the number of old code points is added to the one before; what is missing belongs to the last one, if there is any.</summary>
    private static void Replace(List<(int Point, int Change)> units, int count, ReadOnlySpan<byte> replacement)
    {
        int added = 0;
        while (!replacement.IsEmpty)
        {
            Rune.DecodeFromUtf8(replacement, out Rune rune, out int consumed);
            units.Add((rune.Value, added++ < count ? 0 : 1));
            replacement = replacement[consumed..];
        }

        if (added < count && units.Count > 0)
        {
            units[^1] = units[^1] with { Change = units[^1].Change + added - count };
        }
    }
}
