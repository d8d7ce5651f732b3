using System.Globalization;
using System.Numerics;

namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>The part of a replacement field after the colon, <c>[[fill]align][sign][#][0][width][,][.precision][type]</c>; % formats share it.</summary>
internal sealed record FormatSpec(
    string Fill = " ", char Align = '\0', char Sign = '-', bool Alternate = false, int Width = 0, bool Thousands = false, int Precision = -1, char Type = '\0')
{
    public static FormatSpec Parse(string text)
    {
        var spec = new FormatSpec();
        string[] points = [.. PyCharacters.CodePoints(text)];
        int at = 0;
        if (points.Length > 1 && points[1] is "<" or ">" or "^" or "=")
        {
            spec = spec with { Fill = points[0], Align = points[1][0] };
            at = 2;
        }
        else if (points.Length > 0 && points[0] is "<" or ">" or "^" or "=")
        {
            spec = spec with { Align = points[0][0] };
            at = 1;
        }

        if (Take("+", "-", " ") is { } sign)
        {
            spec = spec with { Sign = sign[0] };
        }

        spec = spec with { Alternate = Take("#") is not null };
        if (Take("0") is not null)
        {
            spec = spec with { Fill = spec.Align == '\0' ? "0" : spec.Fill, Align = spec.Align == '\0' ? '=' : spec.Align };
        }

        spec = spec with { Width = Number(0), Thousands = Take(",", "_") is not null };
        spec = Take(".") is not null ? spec with { Precision = Number(-1) } : spec;
        spec = at < points.Length ? spec with { Type = points[at++][0] } : spec;
        return at == points.Length ? spec : throw JinjaError.Value("Invalid format specifier");

        string? Take(params ReadOnlySpan<string> any) => at < points.Length && any.Contains(points[at]) ? points[at++] : null;

        int Number(int otherwise)
        {
            int from = at;
            while (at < points.Length && at - from < 8 && char.IsAsciiDigit(points[at][0]))
            {
                at++;
            }

            return at == from ? otherwise : int.Parse(string.Concat(points[from..at]), CultureInfo.InvariantCulture);
        }
    }

    public string Apply(object? value)
    {
        if (this == new FormatSpec())
        {
            return PyText.Str(value);
        }

        if (PyTypes.IsNumber(value))
        {
            return Number(value!);
        }

        if (value is not string text || Type is not ('\0' or 's') || Thousands)
        {
            throw JinjaError.Value($"Unknown format code '{Type}' for object of type '{PyTypes.Name(value)}'");
        }

        if (Precision >= 0 && PyCharacters.Length(text) > Precision)
        {
            text = string.Concat(PyCharacters.CodePoints(text).Take(Precision));
        }

        return Pad(text, "", Align == '\0' ? '<' : Align);
    }

    private string Number(object value)
    {
        (bool negative, string digits) = Type switch
        {
            '\0' when value is double number => Float(number, Precision < 0 ? 'r' : 'g'),
            '\0' or 'd' or 'n' when PyTypes.TryInteger(value, out BigInteger integer) => (integer.Sign < 0, BigInteger.Abs(integer).ToString(CultureInfo.InvariantCulture)),
            'x' or 'X' or 'o' or 'b' when PyTypes.TryInteger(value, out BigInteger integer) => Radix(integer),
            'c' when PyTypes.TryInteger(value, out _) => (false, char.ConvertFromUtf32(PyTypes.ToIndex(value))),
            'f' or 'F' or 'e' or 'E' or 'g' or 'G' => Float(PyTypes.ToDouble(value), Type),
            '%' => Float(PyTypes.ToDouble(value) * 100, 'f'),
            _ => throw JinjaError.Value($"Unknown format code '{Type}' for object of type '{PyTypes.Name(value)}'"),
        };
        if (Thousands)
        {
            int point = digits.IndexOfAny(['.', 'e']) is int found and >= 0 ? found : digits.Length;
            for (int at = point - 3; at > 0; at -= 3)
            {
                digits = digits.Insert(at, ",");
            }
        }

        string sign = negative ? "-" : Sign == '-' ? "" : Sign.ToString();
        return Pad(digits + (Type == '%' ? "%" : ""), sign, Align == '\0' ? '>' : Align);
    }

    private (bool Negative, string Digits) Radix(BigInteger value)
    {
        int radix = Type switch { 'o' => 8, 'b' => 2, _ => 16 };
        BigInteger rest = BigInteger.Abs(value);
        string digits = rest.IsZero ? "0" : "";
        for (; !rest.IsZero; rest /= radix)
        {
            digits = "0123456789abcdef"[(int)(rest % radix)] + digits;
        }

        digits = (Alternate ? "0" + char.ToLowerInvariant(Type) : "") + digits;
        return (value.Sign < 0, Type == 'X' ? digits.ToUpperInvariant() : digits);
    }

    private (bool Negative, string Digits) Float(double value, char type)
    {
        bool negative = double.IsNegative(value);
        value = Math.Abs(value);
        int precision = Precision < 0 ? 6 : Math.Min(Precision, 400);
        string digits = !double.IsFinite(value) ? PyText.Float(value) : char.ToLowerInvariant(type) switch
        {
            'r' => PyText.Float(value),
            'f' => PyRound.Fixed(value, precision),
            'e' => Scientific(value, precision),
            _ => General(value, Math.Max(1, precision)),
        };
        return (negative, char.IsUpper(type) ? digits.ToUpperInvariant() : digits);
    }

    private static string General(double value, int precision)
    {
        string scientific = Scientific(value, precision - 1);
        int exponent = int.Parse(scientific[(scientific.IndexOf('e') + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        if (exponent < -4 || exponent >= precision)
        {
            string mantissa = scientific[..scientific.IndexOf('e')];
            return (mantissa.Contains('.') ? mantissa.TrimEnd('0').TrimEnd('.') : mantissa) + scientific[scientific.IndexOf('e')..];
        }

        string plain = PyRound.Fixed(value, Math.Max(0, precision - 1 - exponent));
        return plain.Contains('.') ? plain.TrimEnd('0').TrimEnd('.') : plain;
    }

    private static string Scientific(double value, int precision)
    {
        string text = value.ToString("E" + precision, CultureInfo.InvariantCulture);
        int mark = text.IndexOf('E');
        int exponent = int.Parse(text[(mark + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        return $"{text[..mark]}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture)}";
    }

    private string Pad(string text, string sign, char align)
    {
        int missing = Width - PyCharacters.Length(text) - sign.Length;
        if (missing <= 0)
        {
            return sign + text;
        }

        RenderBudget.Produce(Width);
        int left = align switch { '<' => 0, '^' => missing / 2, _ => missing };
        string before = string.Concat(Enumerable.Repeat(Fill, left)), after = string.Concat(Enumerable.Repeat(Fill, missing - left));
        return align == '=' ? sign + before + text : before + sign + text + after;
    }
}
