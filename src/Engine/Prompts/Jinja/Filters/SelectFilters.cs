using FineTuneTool.Engine.Prompts.Jinja.Values;

namespace FineTuneTool.Engine.Prompts.Jinja.Filters;

/// <summary>map, select, reject, selectattr, rejectattr: lazy, with the name of a filter or test as argument.</summary>
internal static class SelectFilters
{
    public static readonly Dictionary<string, Filter> All = new()
    {
        ["map"] = Map,
        ["reject"] = (value, arguments) => Select(value, arguments, keep: false, byAttribute: false),
        ["rejectattr"] = (value, arguments) => Select(value, arguments, keep: false, byAttribute: true),
        ["select"] = (value, arguments) => Select(value, arguments, keep: true, byAttribute: false),
        ["selectattr"] = (value, arguments) => Select(value, arguments, keep: true, byAttribute: true),
    };

    private static object Map(object? value, Arguments arguments)
    {
        Func<object?, object?> map;
        if (arguments.Positional.Count == 0 && arguments.Named.Any(item => item.Key == "attribute"))
        {
            object?[] bound = arguments.Bind("map", 0, "attribute", "default");
            map = FilterTable.Getter(bound[0], Arguments.Or(bound[1], null), Arguments.IsGiven(bound[1]) && bound[1] is not null);
        }
        else if (arguments.Positional.Count > 0)
        {
            Filter filter = FilterTable.Find(Arguments.Text(arguments.Positional[0]));
            var rest = new Arguments([.. arguments.Positional.Skip(1)], arguments.Named);
            map = item => filter(item, rest);
        }
        else
        {
            throw JinjaError.Type("map requires a filter argument");
        }

        return new PyGenerator(Items(value).Select(map));
    }

    /// <summary>Whatever is false counts as empty.</summary>
    private static List<object?> Items(object? value) => PyCompare.IsTrue(value) ? PyIteration.List(value) : [];

    private static object Select(object? value, Arguments arguments, bool keep, bool byAttribute)
    {
        IReadOnlyList<object?> given = arguments.Positional;
        if (byAttribute && given.Count == 0)
        {
            throw JinjaError.Type("Missing parameter for attribute name");
        }

        Func<object?, object?> getter = byAttribute ? FilterTable.Getter(given[0]) : item => item;
        int at = byAttribute ? 1 : 0;
        Func<object?, bool> test = PyCompare.IsTrue;
        if (given.Count > at)
        {
            Test named = TestTable.Find(Arguments.Text(given[at]));
            var rest = new Arguments([.. given.Skip(at + 1)], arguments.Named);
            test = item => named(item, rest);
        }

        return new PyGenerator(Items(value).Where(item => test(getter(item)) == keep));
    }
}
