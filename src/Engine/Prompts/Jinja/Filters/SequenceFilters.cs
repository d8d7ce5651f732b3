using System.Numerics;
using FineTuneTool.Engine.Prompts.Jinja.Values;

namespace FineTuneTool.Engine.Prompts.Jinja.Filters;

/// <summary>Filters over whole sequences and dicts.</summary>
internal static class SequenceFilters
{
    public static readonly Dictionary<string, Filter> All = new()
    {
        ["attr"] = (value, arguments) => value is Undefined undefined ? throw undefined.Error : PyAccess.AttributeOnly(value, Arguments.Text(arguments.Bind("attr", 1, "name")[0])),
        ["batch"] = Batch,
        ["count"] = (value, _) => new BigInteger(PyIteration.Length(value)),
        ["d"] = Default,
        ["default"] = Default,
        ["dictsort"] = DictSort,
        ["first"] = (value, _) => PyIteration.Iterate(value).Append(new Undefined("No first item, sequence was empty.")).First(),
        ["groupby"] = GroupBy,
        ["items"] = (value, _) => value switch
        {
            Undefined => new List<object?>(),
            PyDict dict => new PyGenerator(new PyView(dict, PyViewKind.Items).Items),
            _ => throw JinjaError.Type("Can only get item pairs from a mapping."),
        },
        ["last"] = (value, _) => PyIteration.List(value).Prepend(new Undefined("No last item, sequence was empty.")).Last(),
        ["length"] = (value, _) => new BigInteger(PyIteration.Length(value)),
        ["list"] = (value, _) => PyIteration.List(value),
        ["max"] = (value, arguments) => Extreme(value, arguments, sign: 1),
        ["min"] = (value, arguments) => Extreme(value, arguments, sign: -1),
        // The same choice in every rendering: what a template gives must not change from run to run.
        ["random"] = (value, _) => PyIteration.List(value) is { Count: > 0 } items ? items[items.Count / 2] : new Undefined("No random item, sequence was empty."),
        ["reverse"] = (value, _) => value is string text ? PyAccess.Slice(text, null, null, BigInteger.MinusOne)
            : new PyGenerator(PyIteration.List(value).AsEnumerable().Reverse()),
        ["slice"] = Slice,
        ["sort"] = Sort,
        ["sum"] = (value, arguments) =>
        {
            object?[] bound = arguments.Bind("sum", 0, "attribute", "start");
            Func<object?, object?> getter = FilterTable.Getter(bound[0]);
            return PyIteration.List(value).Aggregate(Arguments.Or(bound[1], BigInteger.Zero), (sum, item) => PyOperators.Binary("+", sum, getter(item)));
        },
        ["unique"] = Unique,
    };

    private static object? Default(object? value, Arguments arguments)
    {
        object?[] bound = arguments.Bind("default", 0, "default_value", "boolean");
        return value is Undefined || (Arguments.Flag(bound[1]) && !PyCompare.IsTrue(value)) ? Arguments.Or(bound[0], "") : value;
    }

    private static object Batch(object? value, Arguments arguments)
    {
        object?[] bound = arguments.Bind("batch", 1, "linecount", "fill_with");
        int size = Math.Max(1, PyTypes.ToIndex(bound[0]));
        object? fill = Arguments.Or(bound[1], null);
        return new PyGenerator(PyIteration.List(value).Chunk(size).Select(chunk =>
        {
            List<object?> row = [.. chunk];
            RenderBudget.Produce(fill is null ? 0 : size);
            row.AddRange(Enumerable.Repeat(fill, fill is null ? 0 : size - row.Count));
            return (object?)row;
        }));
    }

    private static object Slice(object? value, Arguments arguments)
    {
        object?[] bound = arguments.Bind("slice", 1, "slices", "fill_with");
        int slices = Math.Max(1, PyTypes.ToIndex(bound[0]));
        object? fill = Arguments.Or(bound[1], null);
        List<object?> items = PyIteration.List(value);
        RenderBudget.Produce(slices);
        int each = items.Count / slices, longer = items.Count % slices;
        return new PyGenerator(Enumerable.Range(0, slices).Select(slice =>
        {
            int start = (slice * each) + Math.Min(slice, longer);
            List<object?> part = items.GetRange(start, each + (slice < longer ? 1 : 0));
            if (fill is not null && longer > 0 && slice >= longer)
            {
                part.Add(fill);
            }

            return (object?)part;
        }));
    }

    private static object DictSort(object? value, Arguments arguments)
    {
        object?[] bound = arguments.Bind("dictsort", 0, "case_sensitive", "by", "reverse");
        bool caseSensitive = Arguments.Flag(bound[0]);
        int place = (Arguments.OptionalText(bound[1]) ?? "key") switch
        {
            "key" => 0,
            "value" => 1,
            _ => throw JinjaError.Value("You can only sort by either \"key\" or \"value\""),
        };
        PyDict dict = value switch
        {
            PyDict given => given,
            Undefined undefined => throw undefined.Error,
            _ => throw JinjaError.Type($"'{PyTypes.Name(value)}' object has no items"),
        };
        List<object?> items = PyIteration.List(new PyView(dict, PyViewKind.Items));
        return Sorted(items, item => Key(((PyTuple)item!).Items[place], caseSensitive), Arguments.Flag(bound[2]));
    }

    private static object Sort(object? value, Arguments arguments)
    {
        object?[] bound = arguments.Bind("sort", 0, "reverse", "case_sensitive", "attribute");
        bool caseSensitive = Arguments.Flag(bound[1]);
        Func<object?, object?>[] getters = bound[2] is string names
            ? [.. names.Split(',').Select(name => FilterTable.Getter(name.Trim()))] : [FilterTable.Getter(bound[2])];
        // Always a tuple: its order asks for equality first, so that several missing values are in order.
        return Sorted(PyIteration.List(value), item => new PyTuple([.. getters.Select(getter => Key(getter(item), caseSensitive))]), Arguments.Flag(bound[0]));
    }

    private static List<object?> Sorted(List<object?> items, Func<object?, object?> key, bool reverse)
    {
        Comparer<object?> order = Comparer<object?>.Create((a, b) => PyCompare.Order(a, b, "<"));
        try
        {
            // Stable in both directions.
            return [.. reverse ? items.OrderByDescending(key, order) : items.OrderBy(key, order)];
        }
        catch (InvalidOperationException wrapped) when (wrapped.InnerException is JinjaError error)
        {
            throw error;
        }
    }

    private static object? Key(object? value, bool caseSensitive) => caseSensitive ? value : FilterTable.IgnoreCase(value);

    private static object? Extreme(object? value, Arguments arguments, int sign)
    {
        object?[] bound = arguments.Bind(sign > 0 ? "max" : "min", 0, "case_sensitive", "attribute");
        Func<object?, object?> getter = FilterTable.Getter(bound[1]);
        bool caseSensitive = Arguments.Flag(bound[0]);
        List<object?> items = PyIteration.List(value);
        object? best = items.Count > 0 ? items[0] : new Undefined("No aggregated item, sequence was empty.");
        foreach (object? item in items.Skip(1))
        {
            if (PyCompare.Order(Key(getter(item), caseSensitive), Key(getter(best), caseSensitive), sign > 0 ? ">" : "<") == sign)
            {
                best = item;
            }
        }

        return best;
    }

    private static object Unique(object? value, Arguments arguments)
    {
        object?[] bound = arguments.Bind("unique", 0, "case_sensitive", "attribute");
        bool caseSensitive = Arguments.Flag(bound[0]);
        Func<object?, object?> getter = FilterTable.Getter(bound[1]);
        return new PyGenerator(PyIteration.List(value).DistinctBy(item => new PyKey(Key(getter(item), caseSensitive))));
    }

    private static object GroupBy(object? value, Arguments arguments)
    {
        object?[] bound = arguments.Bind("groupby", 1, "attribute", "default", "case_sensitive");
        bool caseSensitive = Arguments.Flag(bound[2]);
        Func<object?, object?> getter = FilterTable.Getter(bound[0], Arguments.Or(bound[1], null), Arguments.IsGiven(bound[1]) && bound[1] is not null);
        List<object?> groups = [];
        List<object?> current = [];
        object? key = null;
        foreach (object? item in Sorted(PyIteration.List(value), item => Key(getter(item), caseSensitive), reverse: false))
        {
            object? next = Key(getter(item), caseSensitive);
            if (current.Count == 0 || !PyCompare.AreEqual(next, key))
            {
                current = [];
                groups.Add(new PyTuple([getter(item), current], ["grouper", "list"]));
                key = next;
            }

            current.Add(item);
        }

        return groups;
    }
}
