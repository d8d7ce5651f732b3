using System.Globalization;
using System.Text;

namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>Python counts code points where .NET counts UTF-16 units, and has its own idea of white space.</summary>
internal static class PyCharacters
{
    /// <summary>str.isspace: what .NET calls white space, and the four separators U+001C–U+001F.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    public static ReadOnlySpan<char> TrimEnd(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty && IsSpace(text[^1]))
        {
            text = text[..^1];
        }

        return text;
    }

    public static ReadOnlySpan<char> TrimStart(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty && IsSpace(text[0]))
        {
            text = text[1..];
        }

        return text;
    }

    /// <summary>Strips code points of a set, or white space without one.</summary>
    public static string Trim(string text, string? set, bool start, bool end)
    {
        if (set is null)
        {
            ReadOnlySpan<char> span = start ? TrimStart(text) : text;
            return (end ? TrimEnd(span) : span).ToString();
        }

        HashSet<Rune> runes = [.. set.EnumerateRunes()];
        Rune[] all = [.. text.EnumerateRunes()];
        int from = start ? all.TakeWhile(runes.Contains).Count() : 0;
        int to = end ? all.Length - all.Reverse().TakeWhile(runes.Contains).Count() : all.Length;
        return from >= to ? "" : Join(all.AsSpan(from, to - from));
    }

    /// <summary>Length in code points.</summary>
    public static int Length(ReadOnlySpan<char> text)
    {
        int length = text.Length;
        for (int i = text.IndexOfAnyInRange('\ud800', '\udbff'); i >= 0 && i + 1 < text.Length; i++)
        {
            if (char.IsSurrogatePair(text[i], text[i + 1]))
            {
                length--;
            }
        }

        return length;
    }

    public static IEnumerable<string> CodePoints(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            bool pair = i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]);
            yield return text.Substring(i, pair ? 2 : 1);
            i += pair ? 1 : 0;
        }
    }

    public static bool HasSurrogates(string text) => text.AsSpan().ContainsAnyInRange('\ud800', '\udfff');

    /// <summary>−1, 0 or 1 by code points, not by UTF-16 units: U+FFFD is less than U+1F600.</summary>
    public static int Compare(string left, string right)
    {
        int i = 0;
        while (i < left.Length && i < right.Length && left[i] == right[i])
        {
            i++;
        }

        if (i == left.Length || i == right.Length)
        {
            return left.Length.CompareTo(right.Length);
        }

        bool leftHigh = char.IsSurrogate(left[i]), rightHigh = char.IsSurrogate(right[i]);
        return leftHigh == rightHigh ? Math.Sign(left[i].CompareTo(right[i])) : leftHigh ? 1 : -1;
    }

    /// <summary>Whether repr shows a code point as it is.</summary>
    public static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);

    public static string Join(ReadOnlySpan<Rune> runes)
    {
        var text = new StringBuilder(runes.Length);
        foreach (Rune rune in runes)
        {
            text.Append(rune);
        }

        return text.ToString();
    }
}
