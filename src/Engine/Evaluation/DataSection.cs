using System.Globalization;
using System.Text;
using FineTuneTool.Engine.Batches;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>What the model was given, as a part of the report: counts of each part of the data, what was left out and why, and how long the rows are.</summary>
internal static class DataSection
{
    public static void Append(StringBuilder page, PreprocessStatistics data)
    {
        page.Append("<section><h2>Data</h2>\n");
        Parts(page, data);
        page.Append("""<dl class="settings facts">""").Append('\n');
        Fact(page, "rows read", Html.Count(data.RowsRead));
        Fact(page, "prompt template", data.Template);
        Fact(page, "tokens of a row, at most", Html.Count(data.MaxSeqLength));
        foreach ((string reason, int rows) in data.Dropped)
        {
            Fact(page, $"dropped: {reason}", Html.Count(rows));
        }

        Fact(page, "near-duplicates, kept or dropped", Html.Count(data.NearDuplicates));
        Fact(page, "rows with a token across the prompt's end", Html.Count(data.CrossedBoundaries));
        if (data.Quality is { } quality)
        {
            Fact(page, "letters and digits, mean share", Html.Percent(quality.MeanLetterRatio));
            Fact(page, "repeated text, mean share", Html.Percent(quality.MeanRepetitionRatio));
            Fact(page, "rows of few letters, repetitive, with broken characters", $"{Html.Count(quality.FewLetters)}, {Html.Count(quality.Repetitive)}, {Html.Count(quality.Broken)}");
        }

        page.Append("</dl>\n");
        if (data.Train.Rows > 0)
        {
            page.Append(BarChart.Render("Training rows by length", "tokens of a training row", Lengths(data.Train, data.MaxSeqLength)));
        }

        page.Append("</section>\n");
    }

    private static void Parts(StringBuilder page, PreprocessStatistics data)
    {
        (string Name, SplitStatistics Counts)[] all = [("train", data.Train), ("validation", data.Validation), ("test", data.Test)];
        (string Name, SplitStatistics Counts)[] parts = [.. all.Where(part => part.Counts.Rows > 0)];
        void Line(string name, Func<SplitStatistics, string> cell) => page.Append(
            $"""<tr><td>{name}</td>{string.Concat(parts.Select(part => $"""<td class="n">{cell(part.Counts)}</td>"""))}</tr>""").Append('\n');

        page.Append($"""<table><thead><tr><th></th>{string.Concat(parts.Select(part => $"""<th class="n">{part.Name}</th>"""))}</tr></thead><tbody>""").Append('\n');
        Line("rows", part => Html.Count(part.Rows));
        Line("tokens", part => Html.Count(part.Tokens));
        Line("learnt tokens", part => Html.Count(part.SupervisedTokens));
        Line("share that is learnt", part => Html.Percent(part.SupervisedShare));
        Line("tokens of a row, mean", part => Html.Number(part.MeanLength, 1));
        Line("shortest and longest", part => $"{Html.Count(part.ShortestRow)} – {Html.Count(part.LongestRow)}");
        Line("truncated rows", part => Html.Count(part.Truncated));
        Line("of them with a part of the answer cut off", part => Html.Count(part.AnswersCut));
        Line("rows when packed", part => Html.Count(part.PackedRows));
        Line("how full those are", part => Html.Percent(part.PackingEfficiency));
        page.Append("</tbody></table>\n");
    }

    private static void Fact(StringBuilder page, string name, string value) =>
        page.Append($"<div><dt>{Html.Escape(name)}</dt><dd>{Html.Escape(value)}</dd></div>\n");

    /// <summary>
    /// A bar for each bucket, and for the empty ones between them and up to the most that a row may have, which the statistics leave out: bounds double.
    /// </summary>
    private static List<(string Label, double Share)> Lengths(SplitStatistics part, int maxSeqLength)
    {
        List<(string, double)> bars = [];
        long below = 0;
        bool reachesEnd = part.Lengths.Any(bucket => bucket.UpTo >= maxSeqLength);
        foreach (LengthBucket bucket in part.Lengths.OrderBy(bucket => bucket.UpTo).Concat(reachesEnd ? [] : [new LengthBucket(maxSeqLength, 0)]))
        {
            for (; below > 0 && below * 2 < bucket.UpTo; below *= 2)
            {
                bars.Add((Range(below, below * 2), 0));
            }

            // Where nothing is below, the bucket begins at half of its bound.
            bars.Add((Range(below > 0 ? below : bucket.UpTo / 2, bucket.UpTo), (double)bucket.Rows / part.Rows));
            below = bucket.UpTo;
        }

        return bars;
    }

    private static string Range(long below, long upTo) =>
        below + 1 >= upTo ? upTo.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{below + 1}–{upTo}");
}
