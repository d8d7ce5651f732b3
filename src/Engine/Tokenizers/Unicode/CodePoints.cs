using System.Buffers;
using System.Text;

namespace FineTuneTool.Engine.Tokenizers.Unicode;

/// <summary>Conversions between UTF-16 strings, code points and UTF-8. Lone surrogates become U+FFFD, as they have no UTF-8 form.</summary>
internal static class CodePoints
{
    public const int Replacement = 0xFFFD;

    public static int[] FromString(string text)
    {
        int[] points = new int[text.Length];
        int count = FromString(text, points);
        return count == points.Length ? points : points[..count];
    }

    /// <summary>Writes the code points of a text and returns how many they are, at most one for each of its UTF-16 units.</summary>
    public static int FromString(string text, Span<int> points)
    {
        int count = 0;
        for (int i = 0; i < text.Length; i++)
        {
            char unit = text[i];
            if (!char.IsSurrogate(unit))
            {
                points[count++] = unit;
            }
            else if (char.IsHighSurrogate(unit) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                points[count++] = char.ConvertToUtf32(unit, text[++i]);
            }
            else
            {
                points[count++] = Replacement;
            }
        }

        return count;
    }

    public static string ToString(ReadOnlySpan<int> points)
    {
        var builder = new StringBuilder(points.Length);
        foreach (int point in points)
        {
            Append(builder, point);
        }

        return builder.ToString();
    }

    public static void Append(StringBuilder builder, int point)
    {
        if (point < 0x10000)
        {
            builder.Append((char)point);
        }
        else
        {
            builder.Append((char)(0xD7C0 + (point >> 10))).Append((char)(0xDC00 + (point & 0x3FF)));
        }
    }

    public static int Utf8Length(int point) => point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

    /// <summary>Writes the UTF-8 form of a code point and returns its length in bytes (1–4).</summary>
    public static int WriteUtf8(int point, Span<byte> destination)
    {
        switch (Utf8Length(point))
        {
            case 1:
                destination[0] = (byte)point;
                return 1;
            case 2:
                destination[1] = (byte)(0x80 | (point & 0x3F));
                destination[0] = (byte)(0xC0 | (point >> 6));
                return 2;
            case 3:
                destination[2] = (byte)(0x80 | (point & 0x3F));
                destination[1] = (byte)(0x80 | ((point >> 6) & 0x3F));
                destination[0] = (byte)(0xE0 | (point >> 12));
                return 3;
            default:
                destination[3] = (byte)(0x80 | (point & 0x3F));
                destination[2] = (byte)(0x80 | ((point >> 6) & 0x3F));
                destination[1] = (byte)(0x80 | ((point >> 12) & 0x3F));
                destination[0] = (byte)(0xF0 | (point >> 18));
                return 4;
        }
    }

    /// <summary>Bytes as text; each maximal ill-formed part becomes one U+FFFD.</summary>
    public static string Lossy(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);

    /// <summary>True where the bytes are well-formed UTF-8.</summary>
    public static bool IsUtf8(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out _, out int consumed) != OperationStatus.Done)
            {
                return false;
            }

            bytes = bytes[consumed..];
        }

        return true;
    }
}
