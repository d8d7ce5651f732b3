using FineTuneTool.Engine.Prompts.Jinja.Values;

namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>Functions that every template finds; variables of the same name win.</summary>
internal static class Globals
{
    /// <param name="now">What strftime_now tells.</param>
    public static Scope Scope(DateTime now)
    {
        var scope = new Scope(null);
        foreach ((string name, Func<Arguments, object?> body) in Functions(now))
        {
            scope.Set(name, new PyFunction(name, body));
        }

        scope.Set("self", new PyNamespace());
        return scope;
    }

    private static (string, Func<Arguments, object?>)[] Functions(DateTime now) =>
    [
        ("range", Range),
        ("dict", Dict),
        ("namespace", Namespace),
        ("cycler", arguments => arguments.Positional.Count > 0 ? new Cycler(arguments.Positional) : throw JinjaError.Type("no items for cycling given")),
        ("joiner", arguments => new Joiner(PyText.Str(Arguments.Or(arguments.Bind("joiner", 0, "sep")[0], ", ")))),
        ("lipsum", _ => throw new JinjaError(JinjaErrorKind.Runtime, "lipsum is not supported: a template has to give the same text every time")),
        ("raise_exception", arguments => throw new JinjaError(JinjaErrorKind.Raised, PyText.Str(arguments.Bind("raise_exception", 1, "message")[0]))),
        ("strftime_now", arguments => Strftime.Format(now, Arguments.Text(arguments.Bind("strftime_now", 1, "format")[0]))),
    ];

    private static object Range(Arguments arguments)
    {
        object?[] bound = arguments.Bind("range", 1, "start", "stop", "step");
        int first = PyTypes.ToIndex(bound[0]), step = Arguments.Index(bound[2], 1);
        bool hasStop = Arguments.IsGiven(bound[1]);
        var range = new PyRange(hasStop ? first : 0, hasStop ? PyTypes.ToIndex(bound[1]) : first, step);
        return step == 0 ? throw JinjaError.Value("range() arg 3 must not be zero")
            : range.Count <= PyRange.MaxCount ? range
            : throw new JinjaError(JinjaErrorKind.Limit, $"Range too big. The sandbox blocks ranges larger than MAX_RANGE ({PyRange.MaxCount}).");
    }

    private static PyDict Dict(Arguments arguments)
    {
        var dict = new PyDict();
        if (arguments.Positional.Count > 0)
        {
            foreach ((object? key, object? value) in Pairs(arguments.Positional[0]))
            {
                dict.Set(key, value);
            }
        }

        foreach ((string key, object? value) in arguments.Named)
        {
            dict.Set(key, value);
        }

        return dict;
    }

    private static PyNamespace Namespace(Arguments arguments)
    {
        var space = new PyNamespace();
        foreach ((object? key, object? value) in Dict(arguments).Items)
        {
            space.Set(Arguments.Text(key), value);
        }

        return space;
    }

    private static IEnumerable<KeyValuePair<object?, object?>> Pairs(object? value) => value is PyDict dict ? dict.Items
        : PyIteration.List(value).Select(item =>
        {
            List<object?> pair = PyIteration.List(item);
            return pair.Count == 2 ? new KeyValuePair<object?, object?>(pair[0], pair[1])
                : throw JinjaError.Value("a dict is made of pairs");
        });

    private sealed class Cycler(IReadOnlyList<object?> items) : IPyAttributes
    {
        private int _place;

        public bool TryGet(string name, out object? value)
        {
            value = name switch
            {
                "current" => items[_place],
                "next" => new BoundMethod(this, name, _ => items[(_place = (_place + 1) % items.Count) is 0 ? items.Count - 1 : _place - 1]),
                "reset" => new BoundMethod(this, name, _ =>
                {
                    _place = 0;
                    return null;
                }),
                _ => null,
            };
            return name is "current" or "next" or "reset";
        }
    }

    private sealed class Joiner(string separator) : PyCallable
    {
        private bool _used;

        public override string TypeName => "jinja2.utils.Joiner";

        public override object? Call(Arguments arguments)
        {
            string text = _used ? separator : "";
            _used = true;
            return text;
        }
    }
}
