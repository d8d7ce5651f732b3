using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FineTuneTool.Engine.Formats;

/// <summary>
/// JSON text as Python's <c>json.dumps</c> writes it, so that files equal those of the reference libraries byte for byte.
/// </summary>
public static class PythonJson
{
    /// <param name="indent">Spaces a level; 0 writes one line without spaces.</param>
    /// <param name="sortKeys">Keys by ordinal instead of insertion order.</param>
    /// <param name="ascii">Other characters as \uXXXX.</param>
    public static string Write(JsonNode? node, int indent = 2, bool sortKeys = false, bool ascii = true)
    {
        var text = new StringBuilder();
        Write(text, node, new Style(indent, sortKeys, ascii), 0);
        return text.ToString();
    }

    /// <summary>A string literal with its quotes.</summary>
    public static void WriteString(StringBuilder text, string value, bool ascii)
    {
        text.Append('"');
        foreach (char c in value)
        {
            _ = c switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                '\b' => text.Append("\\b"),
                '\f' => text.Append("\\f"),
                _ when c < ' ' || (ascii && c > '~') => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => text.Append(c),
            };
        }

        text.Append('"');
    }

    /// <summary>A float as Python's <c>repr</c>: the shortest digits that give it back, with a point or an exponent.</summary>
    public static string Float(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
        }

        // Digits and exponent come from the same text: 1e-06 with 17 digits would begin with 9.99…e-07.
        string[] parts = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture).Split('E');
        int shift = parts.Length == 1 ? 0 : int.Parse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        int point = parts[0].IndexOf('.') is var place and >= 0 ? place : parts[0].Length;
        string all = parts[0].Replace(".", "", StringComparison.Ordinal), significant = all.TrimStart('0');
        string sign = double.IsNegative(value) ? "-" : "", digits = value == 0 ? "0" : significant.TrimEnd('0');
        int exponent = value == 0 ? 0 : shift + point - 1 - (all.Length - significant.Length);
        if (value != 0 && exponent is < -4 or >= 16)
        {
            string fraction = digits.Length > 1 ? $".{digits[1..]}" : "";
            return string.Create(CultureInfo.InvariantCulture, $"{sign}{digits[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}");
        }

        if (exponent < 0)
        {
            return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        }

        digits = digits.PadRight(exponent + 1, '0');
        string rest = digits[(exponent + 1)..];
        return $"{sign}{digits[..(exponent + 1)]}.{(rest.Length == 0 ? "0" : rest)}";
    }

    private static void Write(StringBuilder text, JsonNode? node, Style style, int depth)
    {
        switch (node)
        {
            case null:
                text.Append("null");
                break;
            case JsonObject map:
                IEnumerable<KeyValuePair<string, JsonNode?>> pairs = style.SortKeys ? map.OrderBy(pair => pair.Key, StringComparer.Ordinal) : map;
                WriteItems(text, '{', '}', pairs, style, depth, pair =>
                {
                    WriteString(text, pair.Key, style.Ascii);
                    text.Append(style.Indent == 0 ? ":" : ": ");
                    Write(text, pair.Value, style, depth + 1);
                });
                break;
            case JsonArray list:
                WriteItems(text, '[', ']', list, style, depth, item => Write(text, item, style, depth + 1));
                break;
            default:
                WriteValue(text, (JsonValue)node, style);
                break;
        }
    }

    private static void WriteItems<T>(StringBuilder text, char open, char close, IEnumerable<T> items, Style style, int depth, Action<T> write)
    {
        text.Append(open);
        int count = 0;
        foreach (T item in items)
        {
            text.Append(count++ > 0 ? "," : "");
            NewLine(text, style, depth + 1);
            write(item);
        }

        if (count > 0)
        {
            NewLine(text, style, depth);
        }

        text.Append(close);
    }

    private static void NewLine(StringBuilder text, Style style, int depth)
    {
        if (style.Indent > 0)
        {
            text.Append('\n').Append(' ', style.Indent * depth);
        }
    }

    private static void WriteValue(StringBuilder text, JsonValue value, Style style)
    {
        switch (value.GetValueKind())
        {
            case JsonValueKind.String:
                WriteString(text, value.GetValue<string>(), style.Ascii);
                break;
            case JsonValueKind.Number when value.TryGetValue(out double number) && !IsInteger(value):
                text.Append(Float(number));
                break;
            default:
                text.Append(value.ToJsonString());
                break;
        }
    }

    private static bool IsInteger(JsonValue value) =>
        value.TryGetValue(out JsonElement element) ? element.GetRawText().AsSpan().IndexOfAny('.', 'e', 'E') < 0
        : !value.TryGetValue(out double _) || value.GetValue<object>() is not (double or float);

    private sealed record Style(int Indent, bool SortKeys, bool Ascii);
}
