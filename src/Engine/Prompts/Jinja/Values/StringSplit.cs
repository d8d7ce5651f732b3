namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>split, rsplit, partition, splitlines.</summary>
internal static class StringSplit
{
    public static List<object?> Split(string text, Arguments arguments, bool fromEnd)
    {
        object?[] bound = arguments.Bind(fromEnd ? "rsplit" : "split", 0, "sep", "maxsplit");
        string? separator = Arguments.OptionalText(bound[0]);
        int most = Arguments.Index(bound[1], -1);
        RenderBudget.Produce(text.Length);
        if (separator?.Length == 0)
        {
            throw JinjaError.Value("empty separator");
        }

        List<object?> parts = fromEnd ? FromEnd(text, separator, most) : FromStart(text, separator, most);
        RenderBudget.Produce(parts.Count * 8L);
        return parts;
    }

    public static PyTuple Partition(string text, Arguments arguments, bool last)
    {
        string separator = Arguments.Text(arguments.Bind("partition", 1, "sep")[0]);
        if (separator.Length == 0)
        {
            throw JinjaError.Value("empty separator");
        }

        int at = last ? text.LastIndexOf(separator, StringComparison.Ordinal) : text.IndexOf(separator, StringComparison.Ordinal);
        return at >= 0 ? new PyTuple([text[..at], separator, text[(at + separator.Length)..]])
            : last ? new PyTuple(["", "", text]) : new PyTuple([text, "", ""]);
    }

    public static List<object?> Lines(string text, bool keepEnds)
    {
        RenderBudget.Produce(text.Length);
        List<object?> lines = [];
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] is '\n' or '\r' or '\v' or '\f' or '\x1c' or '\x1d' or '\x1e' or '\x85' or '\u2028' or '\u2029')
            {
                int end = i;
                i += text[i] == '\r' && i + 1 < text.Length && text[i + 1] == '\n' ? 1 : 0;
                lines.Add(text[start..(keepEnds ? i + 1 : end)]);
                start = i + 1;
            }
        }

        if (start < text.Length)
        {
            lines.Add(text[start..]);
        }

        return lines;
    }

    private static List<object?> FromStart(string text, string? separator, int most)
    {
        List<object?> parts = [];
        int at = separator is null ? SkipSpace(text, 0) : 0;
        while (separator is not null || at < text.Length)
        {
            int end = most >= 0 && parts.Count == most ? -1 : separator is null ? FindSpace(text, at) : text.IndexOf(separator, at, StringComparison.Ordinal);
            if (end < 0)
            {
                parts.Add(text[at..]);
                break;
            }

            parts.Add(text[at..end]);
            at = separator is null ? SkipSpace(text, end) : end + separator.Length;
        }

        return parts;
    }

    private static List<object?> FromEnd(string text, string? separator, int most)
    {
        List<object?> parts = [];
        ReadOnlySpan<char> rest = separator is null ? PyCharacters.TrimEnd(text) : text;
        while (separator is not null || !rest.IsEmpty)
        {
            int cut = most >= 0 && parts.Count == most ? -1 : separator is null ? LastSpace(rest) : rest.LastIndexOf(separator, StringComparison.Ordinal);
            if (cut < 0)
            {
                parts.Add(rest.ToString());
                break;
            }

            parts.Add(rest[(cut + (separator?.Length ?? 1))..].ToString());
            rest = separator is null ? PyCharacters.TrimEnd(rest[..cut]) : rest[..cut];
        }

        parts.Reverse();
        return parts;
    }

    private static int SkipSpace(string text, int at)
    {
        while (at < text.Length && PyCharacters.IsSpace(text[at]))
        {
            at++;
        }

        return at;
    }

    private static int FindSpace(string text, int at)
    {
        while (at < text.Length && !PyCharacters.IsSpace(text[at]))
        {
            at++;
        }

        return at < text.Length ? at : -1;
    }

    private static int LastSpace(ReadOnlySpan<char> text)
    {
        int at = text.Length - 1;
        while (at >= 0 && !PyCharacters.IsSpace(text[at]))
        {
            at--;
        }

        return at;
    }
}
