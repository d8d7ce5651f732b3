using FineTuneTool.Engine.Prompts.Jinja.Values;

namespace FineTuneTool.Engine.Prompts.Jinja.Filters;

/// <summary>value|name(arguments)</summary>
internal delegate object? Filter(object? value, Arguments arguments);

/// <summary>Every filter by name.</summary>
internal static class FilterTable
{
    private static readonly Dictionary<string, Filter> All =
        new IReadOnlyDictionary<string, Filter>[] { TextFilters.All, LayoutFilters.All, MarkupFilters.All, NumberFilters.All, SequenceFilters.All, SelectFilters.All }
            .SelectMany(table => table).ToDictionary();

    public static bool Has(string name) => All.ContainsKey(name);

    public static Filter Find(string name) =>
        All.TryGetValue(name, out Filter? filter) ? filter : throw new JinjaError(JinjaErrorKind.Syntax, $"No filter named '{name}'.");

    /// <summary>Reads <c>a.b</c>, <c>c.0</c> or an index from an item, as the parameter attribute of many filters says; the item itself for none.</summary>
    public static Func<object?, object?> Getter(object? attribute, object? otherwise = null, bool hasOtherwise = false)
    {
        if (!Arguments.IsGiven(attribute) || attribute is null)
        {
            return item => item;
        }

        object?[] path = attribute is string text ? [.. text.Split('.').Select(Part)] : [attribute];
        return item =>
        {
            foreach (object? part in path)
            {
                item = PyAccess.Item(item, part);
                if (item is Undefined && hasOtherwise)
                {
                    return otherwise;
                }
            }

            return item;
        };
    }

    /// <summary>For comparisons that ignore case: text in lower case, anything else as it is.</summary>
    public static object? IgnoreCase(object? value) => value is string text ? PyCase.Lower(text) : value;

    private static object Part(string part) => part.Length is > 0 and < 9 && part.All(char.IsAsciiDigit) ? NumberLiteral.Integer(part) : part;
}
