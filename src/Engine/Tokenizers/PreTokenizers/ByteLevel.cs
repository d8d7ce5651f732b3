using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>
/// The letters that byte-level vocabularies write bytes with: 0x21–0x7E, 0xA1–0xAC and 0xAE–0xFF stand for themselves, the other
/// 68 bytes are U+0100 onwards in order, so a space is "Ġ". (GPT-2's encoder.)
/// </summary>
internal static class ByteLetters
{
    private static readonly int[] ByByte = new int[256];
    private static readonly short[] ByLetter = new short[0x144];

    static ByteLetters()
    {
        Array.Fill(ByLetter, (short)-1);
        int next = 0x100;
        for (int value = 0; value < 256; value++)
        {
            ByByte[value] = value is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or >= 0xAE ? value : next++;
            ByLetter[ByByte[value]] = (short)value;
        }
    }

    /// <summary>The letter of a byte.</summary>
    public static int Letter(byte value) => ByByte[value];

    /// <summary>The byte of a letter; −1 for what is no such letter.</summary>
    public static int Byte(int letter) => letter < ByLetter.Length ? ByLetter[letter] : -1;

    /// <summary>The bytes that a token's text stands for: by letter where all are letters, else its UTF-8 form.</summary>
    public static byte[] Decode(string token)
    {
        byte[] bytes = new byte[token.Length];
        for (int i = 0; i < token.Length; i++)
        {
            int value = Byte(token[i]);
            if (value < 0)
            {
                return System.Text.Encoding.UTF8.GetBytes(token);
            }

            bytes[i] = (byte)value;
        }

        return bytes;
    }

    /// <summary>Writes the letters of a code point's UTF-8 bytes; all of them stand for what the code point stood for.</summary>
    public static void Spell(AlignedText source, int index, AlignedText.Builder builder)
    {
        Span<byte> utf8 = stackalloc byte[4];
        int length = CodePoints.WriteUtf8(source.Points[index], utf8);
        foreach (byte value in utf8[..length])
        {
            builder.Add(Letter(value), source, index);
        }
    }
}

/// <summary>
/// Splits by GPT-2's words and goes over to bytes. Where it is the last step, the model itself takes the pieces as bytes
/// (<paramref name="spell"/> false), so the letters are never built.
/// </summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool useRegex, bool spell) : PreTokenizer
{
    private static readonly Gpt2Pattern Words = new();

    public override void Apply(Pieces pieces)
    {
        if (addPrefixSpace && pieces.Spans.Exists(span => pieces.Text.Points[span.Start] != ' '))
        {
            pieces.Rewrite(static (text, span, builder) =>
            {
                if (text.Points[span.Start] != ' ')
                {
                    builder.Add(' ', text, span.Start);
                }

                builder.Copy(text, span.Start, span.End);
            });
        }

        if (useRegex)
        {
            pieces.Split(Words, SplitBehavior.Isolated, invert: false);
        }

        if (spell)
        {
            pieces.Rewrite(static (text, span, builder) =>
            {
                for (int i = span.Start; i < span.End; i++)
                {
                    ByteLetters.Spell(text, i, builder);
                }
            });
        }
    }
}
