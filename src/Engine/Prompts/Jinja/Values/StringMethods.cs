using System.Globalization;
using System.Numerics;
using System.Text;

namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>The methods of str. Indices are code points.</summary>
internal static class StringMethods
{
    private static readonly Dictionary<string, Func<string, Arguments, object?>> All = new()
    {
        ["capitalize"] = (text, _) => PyCase.Capitalize(text),
        ["casefold"] = (text, _) => PyCase.CaseFold(text),
        ["center"] = (text, arguments) => Justify(text, arguments, "center"),
        ["count"] = (text, arguments) => (BigInteger)StringSearch.Count(text, arguments),
        ["encode"] = (text, _) => new PyBytes(Encoding.UTF8.GetBytes(text)),
        ["endswith"] = (text, arguments) => StringSearch.Matches(text, arguments, "endswith"),
        ["expandtabs"] = (text, arguments) => ExpandTabs(text, Arguments.Index(arguments.Bind("expandtabs", 0, "tabsize")[0], 8)),
        ["find"] = (text, arguments) => (BigInteger)StringSearch.Find(text, arguments, "find"),
        ["format"] = (text, arguments) => new BraceFormat(arguments.Positional, name => Named(arguments, name)).Format(text),
        ["format_map"] = (text, arguments) => new BraceFormat([], name => PyAccess.Item(arguments.Bind("format_map", 1, "mapping")[0], name)).Format(text),
        ["index"] = (text, arguments) => (BigInteger)StringSearch.Find(text, arguments, "index"),
        ["isalnum"] = (text, _) => All_(text, rune => Rune.IsLetter(rune) || Rune.IsNumber(rune)),
        ["isalpha"] = (text, _) => All_(text, Rune.IsLetter),
        ["isascii"] = (text, _) => text.All(char.IsAscii),
        ["isdecimal"] = (text, _) => All_(text, Rune.IsDigit),
        ["isdigit"] = (text, _) => All_(text, rune => Rune.IsDigit(rune) || Rune.GetNumericValue(rune) is >= 0 and <= 9 && Rune.GetUnicodeCategory(rune) == UnicodeCategory.OtherNumber),
        ["isidentifier"] = (text, _) => text.Length > 0 && (text[0] == '_' || char.IsLetter(text[0])) && text.All(c => c == '_' || char.IsLetterOrDigit(c)),
        ["islower"] = (text, _) => PyCase.Is(text, upper: false),
        ["isnumeric"] = (text, _) => All_(text, Rune.IsNumber),
        ["isprintable"] = (text, _) => text.EnumerateRunes().All(PyCharacters.IsPrintable),
        ["isspace"] = (text, _) => text.Length > 0 && text.All(PyCharacters.IsSpace),
        ["istitle"] = (text, _) => PyCase.TitleWords(text) == text && text.Any(char.IsLetter),
        ["isupper"] = (text, _) => PyCase.Is(text, upper: true),
        ["join"] = Join,
        ["ljust"] = (text, arguments) => Justify(text, arguments, "ljust"),
        ["lower"] = (text, _) => PyCase.Lower(text),
        ["lstrip"] = (text, arguments) => Strip(text, arguments, "lstrip", start: true, end: false),
        ["partition"] = (text, arguments) => StringSplit.Partition(text, arguments, last: false),
        ["removeprefix"] = (text, arguments) => Affix(text, arguments, prefix: true),
        ["removesuffix"] = (text, arguments) => Affix(text, arguments, prefix: false),
        ["replace"] = (text, arguments) =>
        {
            object?[] bound = arguments.Bind("replace", 2, "old", "new", "count");
            return Replace(text, Arguments.Text(bound[0]), Arguments.Text(bound[1]), Arguments.Index(bound[2], -1));
        },
        ["rfind"] = (text, arguments) => (BigInteger)StringSearch.Find(text, arguments, "rfind"),
        ["rindex"] = (text, arguments) => (BigInteger)StringSearch.Find(text, arguments, "rindex"),
        ["rjust"] = (text, arguments) => Justify(text, arguments, "rjust"),
        ["rpartition"] = (text, arguments) => StringSplit.Partition(text, arguments, last: true),
        ["rsplit"] = (text, arguments) => StringSplit.Split(text, arguments, fromEnd: true),
        ["rstrip"] = (text, arguments) => Strip(text, arguments, "rstrip", start: false, end: true),
        ["split"] = (text, arguments) => StringSplit.Split(text, arguments, fromEnd: false),
        ["splitlines"] = (text, arguments) => StringSplit.Lines(text, Arguments.Flag(arguments.Bind("splitlines", 0, "keepends")[0])),
        ["startswith"] = (text, arguments) => StringSearch.Matches(text, arguments, "startswith"),
        ["strip"] = (text, arguments) => Strip(text, arguments, "strip", start: true, end: true),
        ["swapcase"] = (text, _) => PyCase.Swap(text),
        ["title"] = (text, _) => PyCase.TitleWords(text),
        ["upper"] = (text, _) => PyCase.Upper(text),
        ["zfill"] = (text, arguments) => ZeroFill(text, PyTypes.ToIndex(arguments.Bind("zfill", 1, "width")[0])),
    };

    public static Func<string, Arguments, object?>? Find(string name) => All.GetValueOrDefault(name);

    /// <param name="count">How many at most; negative = all.</param>
    public static string Replace(string text, string old, string replacement, int count)
    {
        RenderBudget.Produce(text.Length);
        var result = new StringBuilder();
        int at = 0;
        for (; count != 0; count--)
        {
            // An empty pattern matches before every code point and at the end.
            int found = old.Length == 0 ? at : text.IndexOf(old, at, StringComparison.Ordinal);
            if (found < 0)
            {
                break;
            }

            RenderBudget.Produce(replacement.Length);
            result.Append(text, at, found - at).Append(replacement);
            at = found + old.Length;
            if (old.Length == 0)
            {
                if (at == text.Length)
                {
                    return result.ToString();
                }

                int width = char.IsSurrogatePair(text, Math.Min(at, Math.Max(0, text.Length - 2))) && at + 1 < text.Length ? 2 : 1;
                result.Append(text, at, width);
                at += width;
            }
        }

        return result.Append(text, at, text.Length - at).ToString();
    }

    public static string Pad(string text, int width, char fill, int leftShare)
    {
        int missing = width - PyCharacters.Length(text);
        if (missing <= 0)
        {
            return text;
        }

        RenderBudget.Produce(width);
        // Python's str.center puts the odd one to the left when the width is odd, to the right otherwise.
        int left = leftShare switch { 0 => 0, 2 => missing, _ => (missing / 2) + (missing & width & 1) };
        return new string(fill, left) + text + new string(fill, missing - left);
    }

    private static bool All_(string text, Func<Rune, bool> predicate) => text.Length > 0 && text.EnumerateRunes().All(predicate);

    private static object? Named(Arguments arguments, string name)
    {
        foreach ((string key, object? value) in arguments.Named)
        {
            if (key == name)
            {
                return value;
            }
        }

        throw JinjaError.Value($"'{name}'");
    }

    private static string Justify(string text, Arguments arguments, string name)
    {
        object?[] bound = arguments.Bind(name, 1, "width", "fillchar");
        string fill = Arguments.OptionalText(bound[1]) ?? " ";
        return fill.Length == 1 ? Pad(text, PyTypes.ToIndex(bound[0]), fill[0], name switch { "ljust" => 0, "rjust" => 2, _ => 1 })
            : throw JinjaError.Type("The fill character must be exactly one character long");
    }

    private static string Strip(string text, Arguments arguments, string name, bool start, bool end)
    {
        RenderBudget.Produce(text.Length);
        return PyCharacters.Trim(text, Arguments.OptionalText(arguments.Bind(name, 0, "chars")[0]), start, end);
    }

    private static string Join(string separator, Arguments arguments)
    {
        List<object?> items = PyIteration.List(arguments.Bind("join", 1, "iterable")[0]);
        for (int i = 0; i < items.Count; i++)
        {
            if (items[i] is not string)
            {
                throw JinjaError.Type($"sequence item {i}: expected str instance, {PyTypes.Name(items[i])} found");
            }
        }

        RenderBudget.Produce(items.Sum(item => (long)((string)item!).Length) + ((long)separator.Length * items.Count));
        return string.Join(separator, items);
    }

    private static string Affix(string text, Arguments arguments, bool prefix)
    {
        string affix = Arguments.Text(arguments.Bind(prefix ? "removeprefix" : "removesuffix", 1, "affix")[0]);
        return prefix && text.StartsWith(affix, StringComparison.Ordinal) ? text[affix.Length..]
            : !prefix && text.EndsWith(affix, StringComparison.Ordinal) ? text[..^affix.Length] : text;
    }

    private static string ZeroFill(string text, int width)
    {
        bool signed = text.StartsWith('-') || text.StartsWith('+');
        return signed ? text[0] + Pad(text[1..], width - 1, '0', 2) : Pad(text, width, '0', 2);
    }

    private static string ExpandTabs(string text, int size)
    {
        var result = new StringBuilder();
        int column = 0;
        foreach (char c in text)
        {
            int width = c == '\t' ? size <= 0 ? 0 : size - (column % size) : 1;
            RenderBudget.Produce(width);
            result.Append(c == '\t' ? ' ' : c, width);
            column = c is '\n' or '\r' ? 0 : column + width;
        }

        return result.ToString();
    }
}
