using System.Globalization;
using System.Numerics;
using System.Text;

namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>str.format: '{} {0!r:>6} {name.key[0]}'. Attributes are those that the template itself may reach.</summary>
internal sealed class BraceFormat(IReadOnlyList<object?> positional, Func<string, object?> named)
{
    private int _next;

    public string Format(string format, int depth = 0)
    {
        if (depth > 1)
        {
            throw JinjaError.Value("Max string recursion exceeded");
        }

        var text = new StringBuilder(format.Length);
        for (int at = 0; at < format.Length; at++)
        {
            char c = format[at];
            if (c is '{' or '}' && at + 1 < format.Length && format[at + 1] == c)
            {
                text.Append(c);
                at++;
            }
            else if (c == '{')
            {
                int end = FieldEnd(format, at + 1);
                string piece = Field(format[(at + 1)..end], depth);
                RenderBudget.Produce(text.Length + (long)piece.Length > RenderBudget.MaxLength ? text.Length + (long)piece.Length : piece.Length);
                text.Append(piece);
                at = end;
            }
            else
            {
                text.Append(c != '}' ? c : throw JinjaError.Value("Single '}' encountered in format string"));
            }
        }

        return text.ToString();
    }

    private static int FieldEnd(string format, int at)
    {
        for (int open = 1; at < format.Length; at++)
        {
            open += format[at] switch { '{' => 1, '}' => -1, _ => 0 };
            if (open == 0)
            {
                return at;
            }
        }

        throw JinjaError.Value("expected '}' before end of string");
    }

    private string Field(string field, int depth)
    {
        int colon = field.IndexOf(':');
        string spec = colon < 0 ? "" : Format(field[(colon + 1)..], depth + 1);
        string name = colon < 0 ? field : field[..colon];
        int mark = name.IndexOf('!');
        object? value = Value(mark < 0 ? name : name[..mark]);
        value = mark < 0 ? value : name[(mark + 1)..] switch
        {
            "r" or "a" => PyText.Repr(value),
            "s" => PyText.Str(value),
            _ => throw JinjaError.Value("Unknown conversion specifier"),
        };
        return FormatSpec.Parse(spec).Apply(value);
    }

    private object? Value(string path)
    {
        int end = path.IndexOfAny(['.', '[']) is int found and >= 0 ? found : path.Length;
        object? value = First(path[..end]);
        while (end < path.Length)
        {
            int from = end + 1;
            if (path[end] == '.')
            {
                end = path.IndexOfAny(['.', '['], from) is int next and >= 0 ? next : path.Length;
                value = PyAccess.Attribute(value, path[from..end]);
            }
            else
            {
                int close = path.IndexOf(']', from);
                string key = close < 0 ? throw JinjaError.Value("Missing ']' in format string") : path[from..close];
                value = PyAccess.Item(value, BigInteger.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out BigInteger index) ? index : key);
                end = close + 1;
            }
        }

        return value;
    }

    private object? First(string name)
    {
        bool isIndex = int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int index);
        if (name.Length > 0 && !isIndex)
        {
            return named(name);
        }

        // Automatic and manual numbers must not be mixed.
        if (isIndex ? _next > 0 : _next < 0)
        {
            throw JinjaError.Value($"cannot switch from {(isIndex ? "automatic field numbering to manual field specification" : "manual field specification to automatic field numbering")}");
        }

        int place = isIndex ? index : _next;
        _next = isIndex ? -1 : _next + 1;
        return place < positional.Count ? positional[place]
            : throw JinjaError.Value($"Replacement index {place} out of range for positional args tuple");
    }
}
