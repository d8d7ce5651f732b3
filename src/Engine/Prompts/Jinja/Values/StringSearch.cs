namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>find, index, count, startswith, endswith, with bounds in code points.</summary>
internal static class StringSearch
{
    /// <summary>Where a part begins, in code points; −1, or an error for the index methods, when it is not there.</summary>
    public static int Find(string text, Arguments arguments, string method)
    {
        object?[] bound = arguments.Bind(method, 1, "sub", "start", "end");
        string part = Arguments.Text(bound[0]);
        RenderBudget.Produce(text.Length);
        (int from, int to) = Bounds(text, bound[1], bound[2]);
        int found = from > to ? -1 : method.StartsWith('r')
            ? text.AsSpan(from, to - from).LastIndexOf(part, StringComparison.Ordinal)
            : text.AsSpan(from, to - from).IndexOf(part, StringComparison.Ordinal);
        if (found < 0)
        {
            return method.EndsWith("find", StringComparison.Ordinal) ? -1 : throw JinjaError.Value("substring not found");
        }

        return PyCharacters.Length(text.AsSpan(0, from + found));
    }

    public static int Count(string text, Arguments arguments)
    {
        object?[] bound = arguments.Bind("count", 1, "sub", "start", "end");
        string part = Arguments.Text(bound[0]);
        RenderBudget.Produce(text.Length);
        (int from, int to) = Bounds(text, bound[1], bound[2]);
        ReadOnlySpan<char> span = from > to ? [] : text.AsSpan(from, to - from);
        return part.Length == 0 ? PyCharacters.Length(span) + 1 : span.Count(part);
    }

    public static bool Matches(string text, Arguments arguments, string method)
    {
        object?[] bound = arguments.Bind(method, 1, "affix", "start", "end");
        (int from, int to) = Bounds(text, bound[1], bound[2]);
        if (from > to)
        {
            return false;
        }

        IEnumerable<object?> affixes = bound[0] is PyTuple tuple ? tuple.Items : [bound[0]];
        return affixes.Any(affix => affix is string part
            ? method == "startswith"
                ? text.AsSpan(from, to - from).StartsWith(part, StringComparison.Ordinal)
                : text.AsSpan(from, to - from).EndsWith(part, StringComparison.Ordinal)
            : throw JinjaError.Type($"{method} first arg must be str or a tuple of str, not {PyTypes.Name(affix)}"));
    }

    /// <summary>Bounds in code points, negative from the end, as offsets in the text.</summary>
    private static (int From, int To) Bounds(string text, object? start, object? end)
    {
        int length = PyCharacters.Length(text);
        int from = At(Arguments.Index(start, 0)), to = At(Arguments.Index(end, length));
        return PyCharacters.HasSurrogates(text) ? (Offset(from), Offset(to)) : (from, to);

        int At(int index) => index < 0 ? Math.Max(0, index + length) : Math.Min(index, length);

        int Offset(int codePoints) => PyCharacters.CodePoints(text).Take(codePoints).Sum(point => point.Length);
    }
}
