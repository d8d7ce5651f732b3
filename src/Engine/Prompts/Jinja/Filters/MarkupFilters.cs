using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using FineTuneTool.Engine.Prompts.Jinja.Values;

namespace FineTuneTool.Engine.Prompts.Jinja.Filters;

/// <summary>Filters around HTML and URLs. Nothing is escaped unless a template asks for it.</summary>
internal static partial class MarkupFilters
{
    public static readonly Dictionary<string, Filter> All = new()
    {
        ["e"] = (value, _) => Escape(value),
        ["escape"] = (value, _) => Escape(value),
        ["forceescape"] = (value, _) => Escape(value),
        ["safe"] = (value, _) => PyText.Str(value),
        ["striptags"] = (value, _) => StripTags(PyText.Str(value)),
        ["urlencode"] = (value, _) => UrlEncode(value),
        ["xmlattr"] = XmlAttributes,
    };

    private static string Escape(object? value)
    {
        string text = PyText.Str(value);
        RenderBudget.Produce(text.Length * 5L);
        return text.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;").Replace("'", "&#39;").Replace("\"", "&#34;");
    }

    private static string StripTags(string text)
    {
        RenderBudget.Produce(text.Length);
        string bare = Tags().Replace(text, "");
        string spaced = string.Join(' ', bare.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return System.Net.WebUtility.HtmlDecode(spaced);
    }

    private static string UrlEncode(object? value) => value switch
    {
        PyDict dict => string.Join('&', dict.Items.Select(item => QueryPart(item.Key) + "=" + QueryPart(item.Value))),
        List<object?> or PyTuple => string.Join('&', PyIteration.List(value).Select(pair =>
        {
            List<object?> items = PyIteration.List(pair);
            return items.Count == 2 ? QueryPart(items[0]) + "=" + QueryPart(items[1]) : throw JinjaError.Value("a pair is needed");
        })),
        _ => Quote(PyText.Str(value), "/"),
    };

    private static string QueryPart(object? value) => Quote(PyText.Str(value), "").Replace("%20", "+");

    private static string Quote(string text, string safe)
    {
        RenderBudget.Produce(text.Length * 3L);
        var quoted = new StringBuilder();
        foreach (byte b in Encoding.UTF8.GetBytes(text))
        {
            bool plain = char.IsAsciiLetterOrDigit((char)b) || "_.-~".Contains((char)b) || safe.Contains((char)b);
            quoted.Append(plain ? ((char)b).ToString() : string.Create(CultureInfo.InvariantCulture, $"%{b:X2}"));
        }

        return quoted.ToString();
    }

    private static string XmlAttributes(object? value, Arguments arguments)
    {
        bool space = Arguments.Flag(arguments.Bind("xmlattr", 0, "autospace")[0], otherwise: true);
        PyDict dict = value as PyDict ?? throw JinjaError.Type("xmlattr needs a mapping");
        string text = string.Join(' ', dict.Items
            .Where(item => item.Value is not (null or Undefined))
            .Select(item => $"{Escape(item.Key)}=\"{Escape(item.Value)}\""));
        return space && text.Length > 0 ? " " + text : text;
    }

    [GeneratedRegex("<!--.*?-->|<[^>]*>", RegexOptions.Singleline | RegexOptions.CultureInvariant)]
    private static partial Regex Tags();
}
