using System.Globalization;
using System.Text;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>
/// Rows of training data as one HTML file that needs nothing else: no script, nothing is fetched, and nothing of the data is more than text.
/// Token spellings go through <see cref="VisibleText"/>, so that nothing in them is invisible or turns the text around it.
/// </summary>
public static class PreviewPage
{
    /// <summary>Width of the drawing of a row, in units of its own; the page stretches it.</summary>
    private const double StripWidth = 1000;

    /// <param name="part">train, validation or test.</param>
    /// <param name="tokenOf">A token as the vocabulary writes it.</param>
    public static string Render(string project, string part, DatasetPreview preview, Func<int, string?> tokenOf)
    {
        var page = new StringBuilder();
        page.Append(PageHead.Of($"{Name(project)} – {part} rows", Name(project), Lead(part, preview), PreviewStyle.Css));
        Tiles(page, preview);
        page.Append("""
            <div class="legend bar"><span><span class="t l"><bdi>learnt</bdi></span></span><span><span class="t"><bdi>read only</bdi></span></span><span><span class="t s"><bdi>special</bdi></span></span><label><input type="checkbox" id="ids" checked="checked"/> token ids</label></div>

            """.ReplaceLineEndings("\n"));
        foreach (PreviewRow row in preview.Rows)
        {
            Row(page, row, preview.MaxSeqLength, tokenOf);
        }

        return page.Append("</main>\n</body>\n</html>\n").ToString();
    }

    private static string Lead(string part, DatasetPreview preview)
    {
        string data = part == "train" ? "training data" : $"{part} data";
        return preview.Rows.Count < preview.AllRows ? $"The {data} as the model sees them: the first {Counted(preview.Rows.Count, "row")}." : $"The {data} as the model sees them.";
    }

    private static void Tiles(StringBuilder page, DatasetPreview preview)
    {
        void Tile(string name, string value, string more) => page.Append(
            $"""<div class="tile"><span class="name">{name}</span><span class="value">{value}</span><span class="was">{more}</span></div>""").Append('\n');
        page.Append("""<section class="tiles">""").Append('\n');
        Tile("rows", Html.Count(preview.AllRows), $"of up to {Html.Count(preview.MaxSeqLength)} tokens");
        Tile("documents", Html.Count(preview.AllDocuments), $"{Html.Number((double)preview.AllDocuments / Math.Max(1, preview.AllRows), 1)} to a row");
        Tile("tokens", Html.Count(preview.AllTokens), $"rows are {Html.Percent(preview.AllTokens / Math.Max(1.0, (double)preview.AllRows * preview.MaxSeqLength), 0)} full");
        Tile("learnt", Html.Percent(preview.SupervisedShare, 0), $"{Html.Count(preview.AllSupervisedTokens)} tokens");
        page.Append("</section>\n");
    }

    private static void Row(StringBuilder page, PreviewRow row, int maxSeqLength, Func<int, string?> tokenOf)
    {
        page.Append(CultureInfo.InvariantCulture, $"""<section class="row"><h2>Row {row.Number}</h2>""");
        page.Append($"""<p class="muted">{Html.Count(row.Tokens)} of {Html.Count(maxSeqLength)} tokens, {Counted(row.Documents.Count, "document")}, {Learnt(row.SupervisedTokens, row.Tokens)}</p>""").Append('\n');
        Strip(page, row, maxSeqLength);
        for (int i = 0; i < row.Documents.Count; i++)
        {
            PreviewDocument document = row.Documents[i];
            string source = document.Source is { File: { } file } place
                ? $"""<b>{Name(file)}</b>{(place.Line > 0 ? $", line {Html.Count(place.Line)}" : "")}""" : $"<b>Document {i + 1}</b>";
            page.Append($"""<article><h3>{source} <span>{Counted(document.Ids.Length, "token")}, {Learnt(document.SupervisedTokens, document.Ids.Length)}</span></h3>""");
            page.Append("""<p class="tokens" dir="ltr">""");
            foreach (PreviewPiece piece in document.Pieces)
            {
                Chip(page, piece, document.Ids.AsSpan(piece.Tokens.Start, piece.Tokens.Count), tokenOf);
            }

            page.Append("</p></article>\n");
        }

        page.Append("</section>\n");
    }

    /// <summary>The whole row at a glance: a bar for each document, what is learnt of it, and what is left of the row.</summary>
    private static void Strip(StringBuilder page, PreviewRow row, int maxSeqLength)
    {
        double unit = StripWidth / Math.Max(maxSeqLength, row.Tokens);
        void Bar(string style, int from, int to, double gap) => page.Append(
            $"""<rect class="{style}" x="{Html.Coordinate(from * unit)}" y="0" width="{Html.Coordinate(Math.Max(0.1, ((to - from) * unit) - gap))}" height="10"/>""");
        page.Append($"""<svg class="strip" viewBox="0 0 {StripWidth} 10" preserveAspectRatio="none" role="img" aria-label="Documents of the row, and what is learnt of them">""");
        Bar("free", 0, maxSeqLength, 0);
        int start = 0;
        foreach (PreviewDocument document in row.Documents)
        {
            int length = document.Ids.Length;
            Bar("room", start, start + length, 0);
            Bar("read", start, start + length, 2);
            for (int from = 0, to; from < length; from = to)
            {
                bool learnt = document.Labels[from] != TokenizedExample.Ignored;
                for (to = from + 1; to < length && document.Labels[to] != TokenizedExample.Ignored == learnt;)
                {
                    to++;
                }

                if (learnt)
                {
                    Bar("learnt", start + from, start + to, to == length ? 2 : 0);
                }
            }

            start += length;
        }

        page.Append("</svg>\n");
    }

    private static void Chip(StringBuilder page, PreviewPiece piece, ReadOnlySpan<int> ids, Func<int, string?> tokenOf)
    {
        string style = $"t{(piece.IsSupervised ? " l" : "")}{(piece.Tokens.IsSpecial ? " s" : "")}";
        var numbers = new StringBuilder();
        var spelt = new StringBuilder();
        foreach (int id in ids)
        {
            numbers.Append(numbers.Length > 0 ? " " : "").Append(id.ToString(CultureInfo.InvariantCulture));
            spelt.Append(spelt.Length > 0 ? "  " : "").Append(tokenOf(id) ?? "no token");
        }

        page.Append($"""<span class="{style}" title="{Name(spelt.ToString())}"><bdi>""");
        bool endsLine = Text(page, piece.Tokens);
        page.Append($"</bdi><small>{numbers}</small></span>{(endsLine ? "<br/>" : "")}");
    }

    /// <summary>Spaces stay spaces, so that text can be copied; the style sheet draws their marks.</summary>
    /// <returns>True where the piece ends a line.</returns>
    private static bool Text(StringBuilder page, TokenPiece piece)
    {
        IReadOnlyList<VisibleRun> runs = VisibleText.Of(piece.Bytes);
        foreach (VisibleRun run in runs)
        {
            page.Append(run switch
            {
                { Kind: VisibleKind.Text } => Html.Escape(run.Text),
                { Text: " " } => "<i> </i>",
                { Kind: VisibleKind.Space or VisibleKind.LineEnd } => $"<u>{run.Mark}</u>",
                _ => $"<kbd>{run.Mark}</kbd>",
            });
        }

        page.Append(runs.Count == 0 ? "<kbd>no token</kbd>" : "");
        return runs.Count > 0 && runs[^1].Kind == VisibleKind.LineEnd;
    }

    private static string Name(string text) => Html.Escape(VisibleText.Name(text));

    private static string Learnt(int supervised, int tokens) => $"{Html.Count(supervised)} learnt ({Html.Percent((double)supervised / tokens, 0)})";

    private static string Counted(int count, string noun) => $"{Html.Count(count)} {noun}{(count == 1 ? "" : "s")}";
}
