using System.Globalization;
using System.Text;

namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>Case of text by the full mappings of Unicode, as Python has them; .NET maps one code point to one.</summary>
internal static class PyCase
{
    // Unicode SpecialCasing.txt, unconditional: a code point and its upper case of several code points.
    private const string SpecialUpper =
        "\u00DFSS \u0149\u02BCN \u01F0J\u030C \u0390\u0399\u0308\u0301 \u03B0\u03A5\u0308\u0301 \u0587\u0535\u0552" +
        " \u1E96H\u0331 \u1E97T\u0308 \u1E98W\u030A \u1E99Y\u030A \u1E9AA\u02BE \u1F50\u03A5\u0313 \u1F52\u03A5\u0313\u0300" +
        " \u1F54\u03A5\u0313\u0301 \u1F56\u03A5\u0313\u0342 \u1F80\u1F08\u0399 \u1F81\u1F09\u0399 \u1F82\u1F0A\u0399" +
        " \u1F83\u1F0B\u0399 \u1F84\u1F0C\u0399 \u1F85\u1F0D\u0399 \u1F86\u1F0E\u0399 \u1F87\u1F0F\u0399 \u1F88\u1F08\u0399" +
        " \u1F89\u1F09\u0399 \u1F8A\u1F0A\u0399 \u1F8B\u1F0B\u0399 \u1F8C\u1F0C\u0399 \u1F8D\u1F0D\u0399 \u1F8E\u1F0E\u0399" +
        " \u1F8F\u1F0F\u0399 \u1F90\u1F28\u0399 \u1F91\u1F29\u0399 \u1F92\u1F2A\u0399 \u1F93\u1F2B\u0399 \u1F94\u1F2C\u0399" +
        " \u1F95\u1F2D\u0399 \u1F96\u1F2E\u0399 \u1F97\u1F2F\u0399 \u1F98\u1F28\u0399 \u1F99\u1F29\u0399 \u1F9A\u1F2A\u0399" +
        " \u1F9B\u1F2B\u0399 \u1F9C\u1F2C\u0399 \u1F9D\u1F2D\u0399 \u1F9E\u1F2E\u0399 \u1F9F\u1F2F\u0399 \u1FA0\u1F68\u0399" +
        " \u1FA1\u1F69\u0399 \u1FA2\u1F6A\u0399 \u1FA3\u1F6B\u0399 \u1FA4\u1F6C\u0399 \u1FA5\u1F6D\u0399 \u1FA6\u1F6E\u0399" +
        " \u1FA7\u1F6F\u0399 \u1FA8\u1F68\u0399 \u1FA9\u1F69\u0399 \u1FAA\u1F6A\u0399 \u1FAB\u1F6B\u0399 \u1FAC\u1F6C\u0399" +
        " \u1FAD\u1F6D\u0399 \u1FAE\u1F6E\u0399 \u1FAF\u1F6F\u0399 \u1FB2\u1FBA\u0399 \u1FB3\u0391\u0399 \u1FB4\u0386\u0399" +
        " \u1FB6\u0391\u0342 \u1FB7\u0391\u0342\u0399 \u1FBC\u0391\u0399 \u1FC2\u1FCA\u0399 \u1FC3\u0397\u0399" +
        " \u1FC4\u0389\u0399 \u1FC6\u0397\u0342 \u1FC7\u0397\u0342\u0399 \u1FCC\u0397\u0399 \u1FD2\u0399\u0308\u0300" +
        " \u1FD3\u0399\u0308\u0301 \u1FD6\u0399\u0342 \u1FD7\u0399\u0308\u0342 \u1FE2\u03A5\u0308\u0300" +
        " \u1FE3\u03A5\u0308\u0301 \u1FE4\u03A1\u0313 \u1FE6\u03A5\u0342 \u1FE7\u03A5\u0308\u0342 \u1FF2\u1FFA\u0399" +
        " \u1FF3\u03A9\u0399 \u1FF4\u038F\u0399 \u1FF6\u03A9\u0342 \u1FF7\u03A9\u0342\u0399 \u1FFC\u03A9\u0399 \uFB00FF" +
        " \uFB01FI \uFB02FL \uFB03FFI \uFB04FFL \uFB05ST \uFB06ST \uFB13\u0544\u0546 \uFB14\u0544\u0535 \uFB15\u0544\u053B" +
        " \uFB16\u054E\u0546 \uFB17\u0544\u053D";

    private static readonly Dictionary<Rune, string> ToUpper = SpecialUpper.Split(' ').ToDictionary(entry => new Rune(entry[0]), entry => entry[1..]);

    public static string Upper(string text) => Map(text, (rune, _) => ToUpper.GetValueOrDefault(rune) ?? Rune.ToUpperInvariant(rune).ToString());

    public static string Lower(string text) => Map(text, (rune, at) => rune.Value switch
    {
        0x130 => "i\u0307",
        0x3A3 => IsFinalSigma(text, at) ? "\u03C2" : "\u03C3",
        _ => Rune.ToLowerInvariant(rune).ToString(),
    });

    public static string CaseFold(string text) => Map(Upper(text), (rune, _) => rune.Value == 0x130 ? "i\u0307" : Rune.ToLowerInvariant(rune).ToString());

    public static string Capitalize(string text)
    {
        if (text.Length == 0)
        {
            return text;
        }

        Rune first = Rune.GetRuneAt(text, 0);
        return Title(first) + Lower(text)[LowerOf(first).Length..];
    }

    /// <summary>Every first letter of a run of letters in title case, the others in lower case.</summary>
    public static string TitleWords(string text)
    {
        string lower = "";
        bool inWord = false;
        var result = new StringBuilder(text.Length);
        int at = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            lower = rune.Value == 0x3A3 && IsFinalSigma(text, at) ? "\u03C2" : LowerOf(rune);
            result.Append(inWord ? lower : Title(rune));
            inWord = IsCased(rune);
            at += rune.Utf16SequenceLength;
        }

        return result.ToString();
    }

    public static string Swap(string text) =>
        Map(text, (rune, _) => Rune.IsUpper(rune) ? LowerOf(rune) : Rune.IsLower(rune) ? Upper(rune.ToString()) : rune.ToString());

    /// <summary>Upper or lower, as asked, and at least one cased letter.</summary>
    public static bool Is(string text, bool upper)
    {
        Rune[] cased = [.. text.EnumerateRunes().Where(IsCased)];
        return cased.Length > 0 && cased.All(rune => upper ? Rune.IsUpper(rune) : Rune.IsLower(rune));
    }

    private static bool IsCased(Rune rune) => Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter;

    private static string LowerOf(Rune rune) => rune.Value == 0x130 ? "i\u0307" : Rune.ToLowerInvariant(rune).ToString();

    private static string Title(Rune rune)
    {
        switch (rune.Value)
        {
            // The digraphs and the Georgian letters have a title case of their own.
            case >= 0x1C4 and <= 0x1CC: return ((char)(0x1C5 + ((rune.Value - 0x1C4) / 3 * 3))).ToString();
            case >= 0x1F1 and <= 0x1F3: return "\u01F2";
            case >= 0x10D0 and <= 0x10FF: return rune.ToString();
        }

        string simple = Rune.ToUpperInvariant(rune).ToString();
        return ToUpper.TryGetValue(rune, out string? special) && simple == rune.ToString()
            && Rune.GetUnicodeCategory(rune) != UnicodeCategory.TitlecaseLetter ? special[0] + Lower(special[1..]) : simple;
    }

    /// <summary>A sigma ends a word when a letter stands before it and none after it.</summary>
    private static bool IsFinalSigma(string text, int at) =>
        at > 0 && IsCased(Rune.TryGetRuneAt(text, at - (char.IsLowSurrogate(text[at - 1]) ? 2 : 1), out Rune before) ? before : default)
        && !(at + 1 < text.Length && Rune.TryGetRuneAt(text, at + 1, out Rune after) && IsCased(after));

    private static string Map(string text, Func<Rune, int, string> map)
    {
        RenderBudget.Produce(text.Length);
        var result = new StringBuilder(text.Length);
        int at = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            result.Append(map(rune, at));
            at += rune.Utf16SequenceLength;
        }

        return result.ToString();
    }
}
