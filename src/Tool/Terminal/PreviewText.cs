using System.Globalization;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Evaluation;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace FineTuneTool.Tool.Terminal;

/// <summary>
/// Prints rows between the lines: each token over its id, as wide as the terminal. What is learnt is coloured, or stands between ⟦ and ⟧
/// where there are no colours. Nothing of the data reaches the terminal but characters that show.
/// </summary>
/// <param name="output">Gets plain lines where there are no colours.</param>
/// <param name="colours">The terminal that shows them; null where nothing can.</param>
/// <param name="terminalWidth">Columns of the terminal; null for a file or a pipe.</param>
internal sealed class PreviewText(TextWriter output, IAnsiConsole? colours, int? terminalWidth = null)
{
    /// <summary>Columns of what is written to a file or a pipe.</summary>
    private const int FileWidth = 120;

    private readonly int _width = terminalWidth is { } columns ? Math.Max(20, columns - 1) : FileWidth;

    /// <summary>A token, or several that spell a character together, over its id.</summary>
    private readonly record struct Column(string Text, string Ids, Style Style, bool EndsLine)
    {
        public int TextWidth { get; } = WidthOf(Text);

        public int Width => Math.Max(TextWidth, Ids.Length);
    }

    public void Write(string project, string part, DatasetPreview preview)
    {
        string learnt = colours is not null ? "" : "; ⟦ and ⟧ stand around what is learnt";
        Line(Style.Plain, $"{VisibleText.Name(project)}, {part}: {Counted(preview.AllRows, "row")} of up to {preview.MaxSeqLength:N0} tokens with {Counted(preview.AllDocuments, "document")}, {Counted(preview.AllTokens, "token")}, {preview.SupervisedShare:0%} learnt{learnt}");
        foreach (PreviewRow row in preview.Rows)
        {
            Line(Style.Plain, $"");
            Line(new Style(decoration: Decoration.Bold), $"──── row {row.Number:N0}: {Counted(row.Tokens, "token")} in {Counted(row.Documents.Count, "document")}, {row.SupervisedTokens:N0} learnt");
            for (int i = 0; i < row.Documents.Count; i++)
            {
                PreviewDocument document = row.Documents[i];
                Line(new Style(decoration: Decoration.Italic), $"── {Source(document.Source) ?? $"document {i + 1}"}: {Counted(document.Ids.Length, "token")}, {document.SupervisedTokens:N0} learnt");
                Write(Columns(document));
            }
        }
    }

    private static string? Source(SourcePosition? source) =>
        source is not { File: { } file } place ? null
        : place.Line > 0 ? string.Create(CultureInfo.InvariantCulture, $"{VisibleText.Name(file)}({place.Line})") : VisibleText.Name(file);

    private List<Column> Columns(PreviewDocument document)
    {
        List<Column> columns = [];
        for (int i = 0; i < document.Pieces.Count; i++)
        {
            PreviewPiece piece = document.Pieces[i];
            IReadOnlyList<VisibleRun> runs = VisibleText.Of(piece.Tokens.Bytes);
            string text = string.Concat(runs.Select(run => run.Kind is VisibleKind.Hidden or VisibleKind.Bytes ? $"‹{run.Mark}›" : run.Mark));
            bool begins = piece.IsSupervised && (i == 0 || !document.Pieces[i - 1].IsSupervised);
            bool ends = piece.IsSupervised && (i + 1 == document.Pieces.Count || !document.Pieces[i + 1].IsSupervised);
            if (colours is null)
            {
                text = $"{(begins ? "⟦" : "")}{text}{(ends ? "⟧" : "")}";
            }

            string ids = string.Join(',', document.Ids.Skip(piece.Tokens.Start).Take(piece.Tokens.Count).Select(id => id.ToString(CultureInfo.InvariantCulture)));
            columns.Add(new Column(text, ids, StyleOf(piece), runs.Count > 0 && runs[^1].Kind == VisibleKind.LineEnd));
        }

        return columns;
    }

    private static Style StyleOf(PreviewPiece piece) => new(
        foreground: piece.IsSupervised ? Color.Green : piece.Tokens.IsSpecial ? Color.Purple : null,
        decoration: piece.Tokens.IsSpecial ? Decoration.Bold : Decoration.None);

    /// <summary>Breaks where the text ends a line, and where the next column finds no room.</summary>
    private void Write(List<Column> columns)
    {
        List<Column> line = [];
        int width = 0;
        foreach (Column column in columns)
        {
            if (line.Count > 0 && width + column.Width > _width)
            {
                Flush(line);
                width = 0;
            }

            line.Add(column);
            width += column.Width + 1;
            if (column.EndsLine)
            {
                Flush(line);
                width = 0;
            }
        }

        if (line.Count > 0)
        {
            Flush(line);
        }
    }

    private void Flush(List<Column> line)
    {
        var muted = new Style(foreground: Color.Grey);
        Print([.. line.Select(column => new Segment(column.Text + new string(' ', column.Width - column.TextWidth + 1), column.Style))]);
        Print([.. line.Select(column => new Segment(column.Ids.PadRight(column.Width + 1), muted))]);
        line.Clear();
    }

    private void Line(Style style, FormattableString text) => Print([new Segment(text.ToString(CultureInfo.InvariantCulture), style)]);

    private void Print(Segment[] segments)
    {
        if (colours is not null)
        {
            colours.Write(new PrintedLine(segments));
        }
        else
        {
            output.WriteLine(string.Concat(segments.Select(segment => segment.Text)).TrimEnd());
        }
    }

    private static string Counted(long count, string noun) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} {noun}{(count == 1 ? "" : "s")}");

    private static int WidthOf(string text) => new Segment(text).CellCount();

    /// <summary>Text that is cut into lines already.</summary>
    private sealed class PrintedLine(Segment[] segments) : Renderable
    {
        protected override IEnumerable<Segment> Render(RenderOptions options, int maxWidth) => [.. segments, Segment.LineBreak];
    }
}
