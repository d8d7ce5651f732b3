using System.Globalization;
using System.Numerics;

namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>Numbers as templates write them: 12, 1_000, 0x1F, 0b101, 0o17, 1.5, 1e3.</summary>
internal static class NumberLiteral
{
    /// <summary>Where the number that begins at a digit ends. After a dot (<c>a.0.1</c>) only an integer can stand.</summary>
    public static int End(string source, int at, out bool isFloat)
    {
        isFloat = false;
        if (source[at] == '0' && at + 2 < source.Length && Radix(source[at + 1]) is int radix && radix > 0 && IsDigit(source[at + 2], radix))
        {
            return Digits(source, at + 2, radix);
        }

        int end = Digits(source, at, 10);
        if (at > 0 && source[at - 1] == '.')
        {
            return end;
        }

        int point = end + 1 < source.Length && source[end] == '.' && char.IsAsciiDigit(source[end + 1]) ? Digits(source, end + 1, 10) : end;
        int exponent = Exponent(source, point);
        isFloat = exponent > end;
        return exponent;
    }

    public static BigInteger Integer(string text)
    {
        string digits = text.Replace("_", "");
        int radix = digits.Length > 2 ? Radix(digits[1]) : 0;
        if (radix == 0)
        {
            return BigInteger.Parse(digits, CultureInfo.InvariantCulture);
        }

        return digits.Skip(2).Aggregate(BigInteger.Zero, (sum, digit) => (sum * radix) + Convert.ToInt32(digit.ToString(), 16));
    }

    public static double Float(string text) => double.Parse(text.Replace("_", ""), NumberStyles.Float, CultureInfo.InvariantCulture);

    private static int Exponent(string source, int at)
    {
        if (at >= source.Length || source[at] is not ('e' or 'E'))
        {
            return at;
        }

        int digits = at + 1 < source.Length && source[at + 1] is '+' or '-' ? at + 2 : at + 1;
        return digits < source.Length && char.IsAsciiDigit(source[digits]) ? Digits(source, digits, 10) : at;
    }

    private static int Digits(string source, int at, int radix)
    {
        while (at < source.Length && (IsDigit(source[at], radix)
            || (source[at] == '_' && at + 1 < source.Length && IsDigit(source[at + 1], radix))))
        {
            at++;
        }

        return at;
    }

    private static bool IsDigit(char c, int radix) => char.IsAsciiHexDigit(c) && Convert.ToInt32(c.ToString(), 16) < radix;

    private static int Radix(char c) => c switch { 'x' or 'X' => 16, 'o' or 'O' => 8, 'b' or 'B' => 2, _ => 0 };
}
