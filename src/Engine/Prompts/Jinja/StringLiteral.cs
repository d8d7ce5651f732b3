using System.Globalization;
using System.Text;

namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>The escapes of a Python string literal, which Jinja's literals share.</summary>
internal static class StringLiteral
{
    /// <remarks>
    /// A half of a surrogate pair stands for itself in Python but can never be written as UTF-8; here it becomes U+FFFD,
    /// so that its length is right and the text stays valid.
    /// </remarks>
    public static string Unescape(ReadOnlySpan<char> body, int line)
    {
        if (!body.Contains('\\'))
        {
            return body.ToString();
        }

        var text = new StringBuilder(body.Length);
        for (int i = 0; i < body.Length; i++)
        {
            if (body[i] != '\\')
            {
                text.Append(body[i]);
                continue;
            }

            char escape = body[++i];
            switch (escape)
            {
                case '\n': break;
                case '\\' or '\'' or '"': text.Append(escape); break;
                case 'a': text.Append('\a'); break;
                case 'b': text.Append('\b'); break;
                case 'f': text.Append('\f'); break;
                case 'n': text.Append('\n'); break;
                case 'r': text.Append('\r'); break;
                case 't': text.Append('\t'); break;
                case 'v': text.Append('\v'); break;
                case 'x': i += Hexadecimal(body, i, 2, text, line); break;
                case 'u': i += Hexadecimal(body, i, 4, text, line); break;
                case 'U': i += Hexadecimal(body, i, 8, text, line); break;
                case >= '0' and <= '7': i += Octal(body[i..], text); break;
                case 'N': throw new JinjaError(JinjaErrorKind.Syntax, "named characters (\\N{...}) are not supported", line);
                default: text.Append('\\').Append(escape); break;
            }
        }

        return text.ToString();
    }

    private static int Hexadecimal(ReadOnlySpan<char> body, int at, int digits, StringBuilder text, int line)
    {
        if (at + digits >= body.Length
            || !uint.TryParse(body.Slice(at + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint value)
            || value > 0x10FFFF)
        {
            throw new JinjaError(JinjaErrorKind.Syntax, $"a string holds a truncated or too large \\{body[at]} escape", line);
        }

        text.Append(Rune.IsValid(value) ? new Rune(value).ToString() : "\uFFFD");
        return digits;
    }

    private static int Octal(ReadOnlySpan<char> digits, StringBuilder text)
    {
        int value = 0, length = 0;
        for (; length < Math.Min(3, digits.Length) && digits[length] is >= '0' and <= '7'; length++)
        {
            value = (value * 8) + digits[length] - '0';
        }

        text.Append((char)value);
        return length - 1;
    }
}
