using System.Text;
using FineTuneTool.Engine.Prompts.Jinja.Values;

namespace FineTuneTool.Engine.Prompts.Jinja.Filters;

/// <summary>Filters that lay text out: indent, wrap, shorten, centre.</summary>
internal static class LayoutFilters
{
    public static readonly Dictionary<string, Filter> All = new()
    {
        ["center"] = (value, arguments) => StringMethods.Pad(PyText.Str(value), Arguments.Index(arguments.Bind("center", 0, "width")[0], 80), ' ', 1),
        ["indent"] = Indent,
        ["truncate"] = Truncate,
        ["wordcount"] = (value, _) => new System.Numerics.BigInteger(Words(PyText.Str(value))),
        ["wordwrap"] = WordWrap,
    };

    private static string Indent(object? value, Arguments arguments)
    {
        object?[] bound = arguments.Bind("indent", 0, "width", "first", "blank");
        string prefix = bound[0] is string text ? text : new string(' ', Math.Clamp(Arguments.Index(bound[0], 4), 0, 1000));
        bool first = Arguments.Flag(bound[1]), blank = Arguments.Flag(bound[2]);
        List<object?> lines = StringSplit.Lines(Arguments.Text(value) + "\n", keepEnds: false);
        RenderBudget.Produce(lines.Count * (long)prefix.Length);
        return string.Join('\n', lines.Select((line, i) =>
            (i == 0 && first) || (i > 0 && (blank || ((string)line!).Length > 0)) ? prefix + line : line));
    }

    private static string Truncate(object? value, Arguments arguments)
    {
        object?[] bound = arguments.Bind("truncate", 0, "length", "killwords", "end", "leeway");
        string text = Arguments.Text(value), end = Arguments.OptionalText(bound[2]) ?? "...";
        int length = Arguments.Index(bound[0], 255), leeway = Arguments.Index(bound[3], 5);
        if (length < PyCharacters.Length(end) || leeway < 0)
        {
            throw JinjaError.Value("truncate needs room for its end and a leeway of 0 or more");
        }

        if (PyCharacters.Length(text) <= (long)length + leeway)
        {
            return text;
        }

        string kept = string.Concat(PyCharacters.CodePoints(text).Take(length - PyCharacters.Length(end)));
        int blank = kept.LastIndexOf(' ');
        return (Arguments.Flag(bound[1]) || blank < 0 ? kept : kept[..blank]) + end;
    }

    private static int Words(string text)
    {
        int words = 0;
        bool inWord = false;
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool isWord = Rune.IsLetter(rune) || Rune.IsNumber(rune) || rune.Value == '_';
            words += isWord && !inWord ? 1 : 0;
            inWord = isWord;
        }

        return words;
    }

    /// <summary>Lines of at most so many code points, broken at blanks, inside words that are longer by themselves.</summary>
    private static string WordWrap(object? value, Arguments arguments)
    {
        object?[] bound = arguments.Bind("wordwrap", 0, "width", "break_long_words", "wrapstring", "break_on_hyphens");
        int width = Math.Max(1, Arguments.Index(bound[0], 79));
        bool breakLong = Arguments.Flag(bound[1], otherwise: true);
        string newline = Arguments.OptionalText(bound[2]) ?? "\n";
        string[] lines = [.. StringSplit.Lines(Arguments.Text(value), keepEnds: false).Select(line => string.Join(newline, Wrap((string)line!, width, breakLong)))];
        RenderBudget.Produce(lines.Sum(line => (long)line.Length));
        return string.Join(newline, lines);
    }

    private static IEnumerable<string> Wrap(string line, int width, bool breakLong)
    {
        var current = new StringBuilder();
        int used = 0;
        foreach (string word in line.Split(' '))
        {
            string rest = word;
            int length = PyCharacters.Length(rest);
            if (used > 0 && used + 1 + length <= width)
            {
                current.Append(' ').Append(rest);
                used += 1 + length;
                continue;
            }

            if (used > 0)
            {
                yield return current.ToString();
                current.Clear();
            }

            while (breakLong && length > width)
            {
                string head = string.Concat(PyCharacters.CodePoints(rest).Take(width));
                yield return head;
                rest = rest[head.Length..];
                length -= width;
            }

            current.Append(rest);
            used = length;
        }

        if (current.Length > 0)
        {
            yield return current.ToString();
        }
    }
}
