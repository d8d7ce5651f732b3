using System.Globalization;
using System.Numerics;
using FineTuneTool.Engine.Prompts.Jinja.Values;

namespace FineTuneTool.Engine.Prompts.Jinja.Filters;

/// <summary>Filters that give numbers, or text of a number.</summary>
internal static class NumberFilters
{
    public static readonly Dictionary<string, Filter> All = new()
    {
        ["abs"] = (value, _) => PyTypes.TryInteger(value, out BigInteger integer) ? BigInteger.Abs(integer)
            : value is double number ? Math.Abs(number) : throw JinjaError.Type($"bad operand type for abs(): '{PyTypes.Name(value)}'"),
        ["filesizeformat"] = FileSize,
        ["float"] = (value, arguments) => value is Undefined undefined ? throw undefined.Error : TryFloat(value, out double number) ? number : Arguments.Or(arguments.Bind("float", 0, "default")[0], 0.0),
        ["int"] = Int,
        ["round"] = Round,
    };

    private static object? Int(object? value, Arguments arguments)
    {
        object?[] bound = arguments.Bind("int", 0, "default", "base");
        if (value is Undefined undefined)
        {
            throw undefined.Error;
        }

        if (value is string text && TryParse(text, Arguments.Index(bound[1], 10), out BigInteger parsed))
        {
            return parsed;
        }

        return PyTypes.TryInteger(value, out BigInteger integer) ? integer
            : TryFloat(value, out double number) && double.IsFinite(number) ? new BigInteger(Math.Truncate(number))
            : Arguments.Or(bound[0], BigInteger.Zero);
    }

    /// <summary>int(text, base): blanks around, a sign, underscores between digits, and the prefix of the base.</summary>
    private static bool TryParse(string text, int radix, out BigInteger value)
    {
        value = default;
        string digits = text.Trim().Replace("_", "").ToLowerInvariant();
        bool negative = digits.StartsWith('-');
        digits = digits.TrimStart('+', '-');
        string prefix = radix switch { 16 => "0x", 8 => "0o", 2 => "0b", _ => "" };
        digits = prefix.Length > 0 && digits.StartsWith(prefix, StringComparison.Ordinal) ? digits[2..] : digits;
        if (digits.Length is 0 or > RenderBudget.MaxIntegerBits / 4 || radix is < 2 or > 36)
        {
            return false;
        }

        foreach (char c in digits)
        {
            int digit = char.IsAsciiDigit(c) ? c - '0' : char.IsAsciiLetterLower(c) ? c - 'a' + 10 : 99;
            if (digit >= radix)
            {
                return false;
            }

            value = (value * radix) + digit;
        }

        value = negative ? -value : value;
        return true;
    }

    private static bool TryFloat(object? value, out double number)
    {
        number = PyTypes.ToDouble(value);
        return PyTypes.IsNumber(value)
            || (value is string text && double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out number));
    }

    private static object? Round(object? value, Arguments arguments)
    {
        object?[] bound = arguments.Bind("round", 0, "precision", "method");
        int precision = Math.Clamp(Arguments.Index(bound[0], 0), -400, 400);
        string method = Arguments.OptionalText(bound[1]) ?? "common";
        if (!PyTypes.IsNumber(value))
        {
            throw JinjaError.Type($"type {PyTypes.Name(value)} doesn't define __round__ method");
        }

        double number = PyTypes.ToDouble(value);
        double scale = Math.Pow(10, precision);
        return method switch
        {
            "common" when PyTypes.TryInteger(value, out BigInteger integer) && precision >= 0 => integer,
            "common" => PyRound.Round(number, precision),
            "ceil" => Math.Ceiling(number * scale) / scale,
            "floor" => Math.Floor(number * scale) / scale,
            _ => throw JinjaError.Value("method must be common, ceil or floor"),
        };
    }

    private static string FileSize(object? value, Arguments arguments)
    {
        bool binary = Arguments.Flag(arguments.Bind("filesizeformat", 0, "binary")[0]);
        if (!TryFloat(value, out double bytes))
        {
            throw JinjaError.Value("filesizeformat needs a number");
        }

        double unit = binary ? 1024 : 1000;
        if (bytes < unit)
        {
            return bytes == 1 ? "1 Byte" : string.Create(CultureInfo.InvariantCulture, $"{Math.Truncate(bytes)} Bytes");
        }

        string prefixes = "kMGTPEZY";
        int power = 1;
        while (power < prefixes.Length && bytes >= Math.Pow(unit, power + 1))
        {
            power++;
        }

        string prefix = binary ? char.ToUpperInvariant(prefixes[power - 1]) + "i" : prefixes[power - 1].ToString();
        return $"{PyRound.Fixed(bytes / Math.Pow(unit, power), 1)} {prefix}B";
    }
}
