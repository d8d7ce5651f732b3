using System.Globalization;
using System.Numerics;
using System.Text;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>str() and repr().</summary>
internal static class PyText
{
    public static string Str(object? value) => value switch
    {
        string text => text,
        Undefined { Kind: JinjaErrorKind.Undefined } => "",
        Undefined undefined => throw undefined.Error,
        _ => Repr(value),
    };

    public static string Repr(object? value)
    {
        var text = new StringBuilder();
        Append(text, value);
        return text.ToString();
    }

    /// <summary>The shortest decimal that reads back as the same number, with an exponent below 1e-4 and from 1e16 on.</summary>
    public static string Float(double value) =>
        double.IsFinite(value) ? PythonJson.Float(value) : double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";

    private static void Append(StringBuilder text, object? value)
    {
        RenderBudget.Step();
        int before = text.Length;
        switch (value)
        {
            case null: text.Append("None"); break;
            case bool flag: text.Append(flag ? "True" : "False"); break;
            case BigInteger integer: text.Append(integer.ToString(CultureInfo.InvariantCulture)); break;
            case double number: text.Append(Float(number)); break;
            case string s: AppendQuoted(text, s); break;
            case List<object?> list: AppendItems(text, "[", list, "]"); break;
            case PyTuple tuple: AppendItems(text, "(", tuple.Items, tuple.Items.Count == 1 ? ",)" : ")"); break;
            case PyDict dict: AppendDict(text, dict); break;
            case PyView view:
                AppendItems(text, PyTypes.Name(view) + "([", view.Items, "])");
                break;
            case PyRange range:
                text.Append(CultureInfo.InvariantCulture, $"range({range.Start}, {range.Stop}{(range.Step == 1 ? "" : $", {range.Step}")})");
                break;
            case PyBytes bytes: AppendBytes(text, bytes.Bytes); break;
            case Undefined: text.Append("Undefined"); break;
            case PyNamespace space:
                text.Append("<Namespace ");
                AppendDict(text, new PyDict(space.Attributes.Select(item => new KeyValuePair<object?, object?>(item.Key, item.Value))));
                text.Append('>');
                break;
            case PyCallable callable: text.Append(callable.Description); break;
            default: text.Append('<').Append(PyTypes.Name(value)).Append(" object>"); break;
        }

        RenderBudget.Produce(Math.Max(text.Length - before, text.Length > RenderBudget.MaxLength ? text.Length : 0));
    }

    private static void AppendItems(StringBuilder text, string open, IEnumerable<object?> items, string close)
    {
        text.Append(open);
        string separator = "";
        foreach (object? item in items)
        {
            text.Append(separator);
            Append(text, item);
            separator = ", ";
        }

        text.Append(close);
    }

    private static void AppendDict(StringBuilder text, PyDict dict)
    {
        text.Append('{');
        string separator = "";
        foreach ((object? key, object? value) in dict.Items)
        {
            text.Append(separator);
            Append(text, key);
            text.Append(": ");
            Append(text, value);
            separator = ", ";
        }

        text.Append('}');
    }

    private static void AppendQuoted(StringBuilder text, string value)
    {
        char quote = value.Contains('\'') && !value.Contains('"') ? '"' : '\'';
        text.Append(quote);
        foreach (Rune rune in value.EnumerateRunes())
        {
            switch (rune.Value)
            {
                case '\n': text.Append("\\n"); break;
                case '\r': text.Append("\\r"); break;
                case '\t': text.Append("\\t"); break;
                case '\\': text.Append("\\\\"); break;
                case int c when c == quote: text.Append('\\').Append(quote); break;
                case int c when !PyCharacters.IsPrintable(rune):
                    text.Append(c < 0x100 ? $"\\x{c:x2}" : c < 0x10000 ? $"\\u{c:x4}" : $"\\U{c:x8}");
                    break;
                default: text.Append(rune); break;
            }
        }

        text.Append(quote);
    }

    private static void AppendBytes(StringBuilder text, byte[] bytes)
    {
        char quote = bytes.Contains((byte)'\'') && !bytes.Contains((byte)'"') ? '"' : '\'';
        text.Append('b').Append(quote);
        foreach (byte b in bytes)
        {
            string shown = b switch
            {
                (byte)'\n' => "\\n",
                (byte)'\r' => "\\r",
                (byte)'\t' => "\\t",
                (byte)'\\' => "\\\\",
                _ when b == quote => "\\" + quote,
                < 0x20 or >= 0x7f => $"\\x{b:x2}",
                _ => ((char)b).ToString(),
            };
            text.Append(shown);
        }

        text.Append(quote);
    }
}
