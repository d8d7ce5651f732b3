using FineTuneTool.Engine.Prompts.Jinja.Values;

namespace FineTuneTool.Engine.Prompts.Jinja.Filters;

/// <summary>Filters from text to text; any value is taken as its text.</summary>
internal static class TextFilters
{
    public static readonly Dictionary<string, Filter> All = new()
    {
        ["capitalize"] = (value, _) => PyCase.Capitalize(PyText.Str(value)),
        ["format"] = (value, arguments) => PercentFormat.Format(PyText.Str(value), arguments.Named.Count > 0
            ? new PyDict(arguments.Named.Select(item => new KeyValuePair<object?, object?>(item.Key, item.Value)))
            : new PyTuple(arguments.Positional)),
        ["join"] = Join,
        ["lower"] = (value, _) => PyCase.Lower(PyText.Str(value)),
        ["pprint"] = (value, _) => PyText.Repr(value),
        ["replace"] = (value, arguments) =>
        {
            object?[] bound = arguments.Bind("replace", 2, "old", "new", "count");
            return StringMethods.Replace(PyText.Str(value), PyText.Str(bound[0]), PyText.Str(bound[1]), Arguments.Index(bound[2], -1));
        },
        ["string"] = (value, _) => PyText.Str(value),
        ["title"] = (value, _) => Title(PyText.Str(value)),
        ["tojson"] = ToJson,
        ["trim"] = (value, arguments) =>
        {
            string text = PyText.Str(value);
            RenderBudget.Produce(text.Length);
            return PyCharacters.Trim(text, Arguments.OptionalText(arguments.Bind("trim", 0, "chars")[0]), start: true, end: true);
        },
        ["upper"] = (value, _) => PyCase.Upper(PyText.Str(value)),
    };

    private static string Join(object? value, Arguments arguments)
    {
        object?[] bound = arguments.Bind("join", 0, "d", "attribute");
        string separator = PyText.Str(Arguments.Or(bound[0], ""));
        Func<object?, object?> getter = FilterTable.Getter(bound[1]);
        string[] texts = [.. PyIteration.List(value).Select(item => PyText.Str(getter(item)))];
        RenderBudget.Produce(texts.Sum(text => (long)text.Length) + ((long)separator.Length * texts.Length));
        return string.Join(separator, texts);
    }

    /// <summary>As chat templates have it: no HTML escapes, not only ASCII, keys in their order.</summary>
    private static string ToJson(object? value, Arguments arguments)
    {
        object?[] bound = arguments.Bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
        string? indent = !Arguments.IsGiven(bound[1]) || bound[1] is null ? null
            : bound[1] is string text ? text : new string(' ', Math.Clamp(PyTypes.ToIndex(bound[1]), 0, 1000));
        string item = indent is null ? ", " : ",", key = ": ";
        if (Arguments.IsGiven(bound[2]) && bound[2] is not null)
        {
            List<object?> separators = PyIteration.List(bound[2]);
            (item, key) = separators.Count == 2 ? (Arguments.Text(separators[0]), Arguments.Text(separators[1]))
                : throw JinjaError.Value("separators must be a pair");
        }

        return new PyJson(Arguments.Flag(bound[0]), indent, item, key, Arguments.Flag(bound[3])).Write(value);
    }

    /// <summary>Upper case after blanks, hyphens and opening brackets, lower case elsewhere.</summary>
    private static string Title(string text)
    {
        bool start = true;
        return string.Concat(PyCharacters.CodePoints(text).Select(point =>
        {
            string cased = start ? PyCase.Upper(point) : PyCase.Lower(point);
            start = point.Length == 1 && (PyCharacters.IsSpace(point[0]) || point[0] is '-' or '(' or '{' or '[' or '<');
            return cased;
        }));
    }
}
