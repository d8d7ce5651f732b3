using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>json.dumps, and the way from JSON nodes to values.</summary>
internal sealed record PyJson(bool EnsureAscii = false, string? Indent = null, string ItemSeparator = ", ", string KeySeparator = ": ", bool SortKeys = false)
{
    /// <summary>Whole numbers without point and exponent are int, others float.</summary>
    public static object? FromNode(JsonNode? node)
    {
        RenderBudget.Step();
        switch (node)
        {
            case null: return null;
            case JsonArray array: return array.Select(FromNode).ToList();
            case JsonObject item: return new PyDict(item.Select(pair => new KeyValuePair<object?, object?>(pair.Key, FromNode(pair.Value))));
        }

        return node.GetValueKind() switch
        {
            JsonValueKind.String => node.GetValue<string>(),
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            JsonValueKind.Null => null,
            _ => Number(node.ToJsonString()),
        };
    }

    public string Write(object? value)
    {
        var text = new StringBuilder();
        Append(text, value, 0);
        return text.ToString();
    }

    private static object Number(string text)
    {
        if (text.AsSpan().ContainsAny('.', 'e', 'E'))
        {
            return double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        }

        RenderBudget.Produce((long)text.Length * text.Length / 64);
        return text.Length < RenderBudget.MaxIntegerBits / 4 ? BigInteger.Parse(text, CultureInfo.InvariantCulture)
            : throw JinjaError.Value("a number of the data has too many digits");
    }

    private void Append(StringBuilder text, object? value, int depth)
    {
        RenderBudget.Step();
        switch (value)
        {
            case null: text.Append("null"); break;
            case bool flag: text.Append(flag ? "true" : "false"); break;
            case BigInteger integer: text.Append(integer.ToString(CultureInfo.InvariantCulture)); break;
            case double number: text.Append(Float(number)); break;
            case string s: AppendString(text, s); break;
            case List<object?> list: AppendAll(text, '[', list, ']', depth, item => Append(text, item, depth + 1)); break;
            case PyTuple tuple: AppendAll(text, '[', tuple.Items, ']', depth, item => Append(text, item, depth + 1)); break;
            case PyDict dict:
                IEnumerable<KeyValuePair<object?, object?>> items = SortKeys
                    ? dict.Items.Order(Comparer<KeyValuePair<object?, object?>>.Create((a, b) => PyCompare.Order(a.Key, b.Key, "<")))
                    : dict.Items;
                AppendAll(text, '{', items, '}', depth, item =>
                {
                    AppendString(text, Key(item.Key));
                    text.Append(KeySeparator);
                    Append(text, item.Value, depth + 1);
                });
                break;
            default: throw JinjaError.Type($"Object of type {PyTypes.Name(value)} is not JSON serializable");
        }

        RenderBudget.Produce(text.Length > RenderBudget.MaxLength ? text.Length : 0);
    }

    private void AppendAll<T>(StringBuilder text, char open, IEnumerable<T> items, char close, int depth, Action<T> append)
    {
        text.Append(open);
        bool any = false;
        foreach (T item in items)
        {
            text.Append(any ? ItemSeparator : "");
            NewLine(text, depth + 1);
            append(item);
            any = true;
        }

        if (any)
        {
            NewLine(text, depth);
        }

        text.Append(close);
    }

    private void NewLine(StringBuilder text, int depth)
    {
        if (Indent is not null)
        {
            RenderBudget.Produce((long)Indent.Length * depth);
            text.Append('\n').Insert(text.Length, Indent, depth);
        }
    }

    private static string Key(object? key) => key switch
    {
        string text => text,
        null => "null",
        bool flag => flag ? "true" : "false",
        BigInteger integer => integer.ToString(CultureInfo.InvariantCulture),
        double number => Float(number),
        _ => throw JinjaError.Type($"keys must be str, int, float, bool or None, not {PyTypes.Name(key)}"),
    };

    private static string Float(double value) =>
        double.IsNaN(value) ? "NaN" : double.IsInfinity(value) ? (value > 0 ? "Infinity" : "-Infinity") : PyText.Float(value);

    private void AppendString(StringBuilder text, string value)
    {
        RenderBudget.Produce(value.Length);
        text.Append('"');
        foreach (char c in value)
        {
            switch (c)
            {
                case '"': text.Append("\\\""); break;
                case '\\': text.Append("\\\\"); break;
                case '\n': text.Append("\\n"); break;
                case '\r': text.Append("\\r"); break;
                case '\t': text.Append("\\t"); break;
                case '\b': text.Append("\\b"); break;
                case '\f': text.Append("\\f"); break;
                case < ' ': text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"); break;
                case > '~' when EnsureAscii: text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"); break;
                default: text.Append(c); break;
            }
        }

        text.Append('"');
    }
}
