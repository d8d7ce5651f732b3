using System.Buffers;
using System.Globalization;
using System.Text;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>What a stretch of text is to the eye.</summary>
public enum VisibleKind
{
    /// <summary>Characters that show by themselves.</summary>
    Text,

    /// <summary>A space, a tab or a carriage return.</summary>
    Space,

    /// <summary>A line feed.</summary>
    LineEnd,

    /// <summary>A character that does not show, or changes how others show.</summary>
    Hidden,

    /// <summary>Bytes that are no character.</summary>
    Bytes,
}

/// <param name="Text">The characters themselves; empty for bytes and hidden ones, which no page and no terminal should get.</param>
/// <param name="Mark">What to show for them.</param>
public readonly record struct VisibleRun(VisibleKind Kind, string Text, string Mark);

/// <summary>
/// Text cut into what shows and what does not, so that nothing in it can hide: white space has marks, control and format characters
/// (bidi overrides, zero widths, escape), unassigned and private ones are named by their code point, bytes that are no UTF-8 by their values.
/// </summary>
public static class VisibleText
{
    public static IReadOnlyList<VisibleRun> Of(string text) => Of(Encoding.UTF8.GetBytes(text));

    public static IReadOnlyList<VisibleRun> Of(ReadOnlySpan<byte> utf8)
    {
        List<VisibleRun> runs = [];
        while (!utf8.IsEmpty)
        {
            OperationStatus status = Rune.DecodeFromUtf8(utf8, out Rune rune, out int consumed);
            Add(runs, status == OperationStatus.Done ? Run(rune) : new VisibleRun(VisibleKind.Bytes, "", Hex(utf8[..consumed])));
            utf8 = utf8[consumed..];
        }

        return runs;
    }

    /// <summary>One line in which spaces stay and everything else that does not show is named: for names and titles.</summary>
    public static string Name(string text) => string.Concat(Of(text).Select(run => run switch
    {
        { Kind: VisibleKind.Text } or { Text: " " } => run.Text,
        { Kind: VisibleKind.Hidden } => $"‹{run.Mark}›",
        _ => run.Mark,
    }));

    private static void Add(List<VisibleRun> runs, VisibleRun run)
    {
        if (runs.Count > 0 && runs[^1].Kind == run.Kind && run.Kind is VisibleKind.Text or VisibleKind.Bytes)
        {
            string gap = run.Kind == VisibleKind.Bytes ? " " : "";
            runs[^1] = new VisibleRun(run.Kind, runs[^1].Text + run.Text, runs[^1].Mark + gap + run.Mark);
        }
        else
        {
            runs.Add(run);
        }
    }

    private static VisibleRun Run(Rune rune) => rune.Value switch
    {
        ' ' => new VisibleRun(VisibleKind.Space, " ", "␣"),
        '\t' => new VisibleRun(VisibleKind.Space, "\t", "⇥"),
        '\r' => new VisibleRun(VisibleKind.Space, "", "␍"),
        '\n' => new VisibleRun(VisibleKind.LineEnd, "\n", "↵"),
        _ when IsHidden(rune) => new VisibleRun(VisibleKind.Hidden, "", $"U+{rune.Value:X4}"),
        _ => new VisibleRun(VisibleKind.Text, rune.ToString(), rune.ToString()),
    };

    private static bool IsHidden(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator => true,
        _ => IsBlank(rune.Value),
    };

    /// <summary>Letters and marks that are blank: Unicode's Default_Ignorable_Code_Point outside the categories above, and the empty Braille cell.</summary>
    private static bool IsBlank(int point) => point is 0x034F or 0x115F or 0x1160 or 0x17B4 or 0x17B5 or (>= 0x180B and <= 0x180F) or 0x2800 or 0x3164
        or (>= 0xFE00 and <= 0xFE0F) or 0xFFA0 or (>= 0xE0100 and <= 0xE01EF);

    private static string Hex(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length * 3);
        foreach (byte value in bytes)
        {
            text.Append(text.Length > 0 ? " " : "").Append(value.ToString("X2", CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }
}
