using System.Globalization;
using System.Numerics;
using System.Text;

namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>The % operator of text: '%s has %d' % (name, count).</summary>
internal static class PercentFormat
{
    public static string Format(string format, object? arguments)
    {
        IReadOnlyList<object?> items = arguments is PyTuple tuple ? tuple.Items : [arguments];
        var text = new StringBuilder(format.Length);
        int used = 0, at = 0;
        while (at < format.Length)
        {
            if (format[at] != '%')
            {
                text.Append(format[at++]);
                continue;
            }

            at++;
            object? named = null;
            bool byName = at < format.Length && format[at] == '(';
            if (byName)
            {
                int close = format.IndexOf(')', at);
                string key = close < 0 ? throw JinjaError.Value("incomplete format key") : format[(at + 1)..close];
                named = arguments is PyDict dict ? dict.TryGet(key, out object? value) ? value : throw JinjaError.Value($"'{key}'")
                    : throw JinjaError.Type("format requires a mapping");
                at = close + 1;
            }

            FormatSpec spec = Spec(format, ref at, Next);
            if (spec.Type == '%')
            {
                text.Append('%');
                continue;
            }

            string piece = Apply(spec, byName ? named : Next());
            RenderBudget.Produce(text.Length + (long)piece.Length > RenderBudget.MaxLength ? text.Length + (long)piece.Length : piece.Length);
            text.Append(piece);
        }

        return used >= items.Count || arguments is PyDict or Undefined || (used == 0 && arguments is List<object?>) ? text.ToString()
            : throw JinjaError.Type("not all arguments converted during string formatting");

        object? Next() => used < items.Count ? items[used++] : throw JinjaError.Type("not enough arguments for format string");
    }

    private static FormatSpec Spec(string format, ref int at, Func<object?> next)
    {
        var spec = new FormatSpec();
        for (; at < format.Length && format[at] is '-' or '+' or ' ' or '#' or '0'; at++)
        {
            spec = format[at] switch
            {
                '-' => spec with { Align = '<', Fill = " " },
                '0' => spec.Align == '<' ? spec : spec with { Align = '=', Fill = "0" },
                '#' => spec with { Alternate = true },
                char sign => spec with { Sign = spec.Sign == '+' ? '+' : sign },
            };
        }

        spec = spec with { Width = Number(format, ref at, next) ?? 0 };
        if (at < format.Length && format[at] == '.')
        {
            at++;
            spec = spec with { Precision = Number(format, ref at, next) ?? 0 };
        }

        while (at < format.Length && format[at] is 'l' or 'h' or 'L')
        {
            at++;
        }

        return at < format.Length ? spec with { Type = format[at++] } : throw JinjaError.Value("incomplete format");
    }

    private static int? Number(string format, ref int at, Func<object?> next)
    {
        if (at < format.Length && format[at] == '*')
        {
            at++;
            return PyTypes.ToIndex(next());
        }

        int from = at;
        while (at < format.Length && at - from < 8 && char.IsAsciiDigit(format[at]))
        {
            at++;
        }

        return at == from ? null : int.Parse(format.AsSpan(from, at - from), CultureInfo.InvariantCulture);
    }

    private static string Apply(FormatSpec spec, object? value)
    {
        switch (spec.Type)
        {
            case 's' or 'r' or 'a':
                string text = spec.Type == 's' ? PyText.Str(value) : PyText.Repr(value);
                return (spec with { Type = 's', Align = spec.Align is '\0' or '=' ? '>' : '<', Fill = " " }).Apply(text);
            case 'd' or 'i' or 'u':
                object? whole = value is double number && double.IsFinite(number) ? new BigInteger(Math.Truncate(number)) : value;
                return PyTypes.IsNumber(whole) ? (spec with { Type = 'd' }).Apply(whole)
                    : throw JinjaError.Type($"%{spec.Type} format: a real number is required, not {PyTypes.Name(value)}");
            case 'c' when value is string one:
                return (spec with { Type = 's' }).Apply(one);
            case 'x' or 'X' or 'o' or 'c' or 'e' or 'E' or 'f' or 'F' or 'g' or 'G':
                return PyTypes.IsNumber(value) ? spec.Apply(value)
                    : throw JinjaError.Type($"must be real number, not {PyTypes.Name(value)}");
            default:
                throw JinjaError.Value($"unsupported format character '{spec.Type}'");
        }
    }
}
