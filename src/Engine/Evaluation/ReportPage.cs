using System.Globalization;
using System.Text;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>
/// An evaluation as one HTML file that needs nothing else: style and drawings stand inside, no script, nothing is fetched.
/// </summary>
public static class ReportPage
{
    public static string Render(EvaluationReport report)
    {
        var page = new StringBuilder();
        string project = Html.Escape(report.Project);
        page.Append(PageHead.Of($"{project} – evaluation", project, $"{Html.Escape(report.Method)} on <code>{Html.Escape(report.BaseModel)}</code>"));
        Headline(page, report);
        Gates(page, report.Gates);
        Comparison(page, report.Splits);
        Curve(page, report.Curve);
        Samples(page, report.Samples);
        Changes(page, report.Changes);
        if (report.Data is { } data)
        {
            DataSection.Append(page, data);
        }

        Settings(page, report.Settings);
        return page.Append("</main>\n</body>\n</html>\n").ToString();
    }

    private static void Headline(StringBuilder page, EvaluationReport report)
    {
        if (report.Splits.Count == 0)
        {
            return;
        }

        SplitComparison split = report.Splits[0];
        page.Append("""<section class="tiles">""").Append('\n');
        Tile(page, $"{Html.Escape(split.Split)} loss", Html.Number(split.Base.Loss), Html.Number(split.Tuned.Loss));
        Tile(page, "perplexity", Html.Number(split.Base.Perplexity, 2), Html.Number(split.Tuned.Perplexity, 2));
        Tile(page, "token accuracy", Html.Percent(split.Base.TokenAccuracy), Html.Percent(split.Tuned.TokenAccuracy));
        page.Append("</section>\n");
    }

    private static void Tile(StringBuilder page, string name, string before, string after) => page.Append(
        $"""<div class="tile"><span class="name">{name}</span><span class="value">{after}</span><span class="was">base {before}</span></div>""").Append('\n');

    private static void Gates(StringBuilder page, IReadOnlyList<GateResult> gates)
    {
        if (gates.Count == 0)
        {
            return;
        }

        page.Append("""<section><h2>Quality gates</h2><ul class="gates">""").Append('\n');
        foreach (GateResult gate in gates)
        {
            (string style, string word) = gate.Passed ? ("passed", "passed") : gate.Gate.Severity == Severity.Error ? ("failed", "failed") : ("warned", "warning");
            string value = gate.Value is { } number ? Html.Number(number, 4) : "not measured";
            page.Append($"""<li><span class="badge {style}">{word}</span> <b>{Html.Escape(gate.Gate.Metric.Name)}</b> {value} <span class="muted">must be {Html.Escape(gate.Limit)}</span></li>""").Append('\n');
        }

        page.Append("</ul></section>\n");
    }

    private static void Comparison(StringBuilder page, IReadOnlyList<SplitComparison> splits)
    {
        if (splits.Count == 0)
        {
            return;
        }

        page.Append("<section><h2>Base and tuned</h2><table><thead><tr><th>rows</th><th>measure</th><th class=\"n\">base</th><th class=\"n\">tuned</th><th class=\"n\">change</th></tr></thead>\n");
        foreach (SplitComparison split in splits)
        {
            (EvaluationMetrics before, EvaluationMetrics after) = (split.Base, split.Tuned);
            string counts = string.Create(CultureInfo.InvariantCulture, $"{after.Rows} rows<br>{after.SupervisedTokens} supervised tokens");
            page.Append("<tbody>");
            page.Append($"""<tr><td rowspan="3"><b>{Html.Escape(split.Split)}</b><br><span class="muted">{counts}</span></td>""");
            page.Append($"<td>loss</td>{Cells(before.Loss, after.Loss, value => Html.Number(value), lowerIsBetter: true)}</tr>\n");
            page.Append($"<tr><td>perplexity</td>{Cells(before.Perplexity, after.Perplexity, value => Html.Number(value, 2), lowerIsBetter: true)}</tr>\n");
            page.Append($"<tr><td>token accuracy</td>{Cells(before.TokenAccuracy, after.TokenAccuracy, value => Html.Percent(value), lowerIsBetter: false)}</tr>");
            page.Append("</tbody>\n");
        }

        page.Append("</table></section>\n");
    }

    private static string Cells(double before, double after, Func<double, string> text, bool lowerIsBetter)
    {
        double change = after - before;
        string style = change == 0 || !double.IsFinite(change) ? "" : change < 0 == lowerIsBetter ? " better" : " worse";
        string sign = change < 0 ? "−" : "+";
        return $"""<td class="n">{text(before)}</td><td class="n">{text(after)}</td><td class="n{style}">{sign}{text(Math.Abs(change))}</td>""";
    }

    private static void Curve(StringBuilder page, LossCurve curve)
    {
        if (curve.Train.Count + curve.Eval.Count == 0)
        {
            return;
        }

        page.Append("<section><h2>Loss during training</h2>\n");
        page.Append("""<p class="legend"><span class="key train"></span>training <span class="key eval"></span>evaluation</p>""").Append('\n');
        page.Append(LossChart.Render(curve)).Append("</section>\n");
    }

    private static void Samples(StringBuilder page, IReadOnlyList<SampleComparison> samples)
    {
        if (samples.Count == 0)
        {
            return;
        }

        page.Append("<section><h2>Answers before and after</h2>\n");
        foreach (SampleComparison sample in samples)
        {
            page.Append($"""<article class="sample"><p class="prompt" dir="auto">{Html.Escape(sample.Prompt)}</p>""");
            page.Append($"""<div class="answers"><div><h3>base</h3><p dir="auto">{Answer(sample.Before)}</p></div>""");
            page.Append($"""<div class="after"><h3>tuned</h3><p dir="auto">{Answer(sample.After)}</p></div></div></article>""").Append('\n');
        }

        page.Append("</section>\n");
    }

    private static string Answer(string text) => text.Trim().Length == 0 ? """<span class="muted">(nothing)</span>""" : Html.Escape(text.Trim());

    private static void Changes(StringBuilder page, IReadOnlyList<LayerChange> changes)
    {
        if (changes.Count == 0)
        {
            return;
        }

        page.Append("<section><h2>How much the weights changed</h2>\n");
        page.Append("""<p class="muted">Norm of the change relative to the norm of the weight it was added to.</p>""").Append('\n');
        List<(string, double)> layers = [.. changes.GroupBy(change => LayerChanges.LayerOf(change.Path)).OrderBy(layer => layer.Key)
            .Select(layer => (layer.Key < 0 ? "other" : layer.Key.ToString(CultureInfo.InvariantCulture), LayerChanges.Relative(layer)))];
        List<(string, double)> kinds = [.. changes.GroupBy(change => LayerChanges.KindOf(change.Path)).Select(kind => (kind.Key, LayerChanges.Relative(kind)))];
        page.Append(BarChart.Render("Relative change by decoder layer", "decoder layer", layers));
        page.Append(BarChart.Render("Relative change by kind of module", "kind of module", kinds)).Append("</section>\n");
    }

    private static void Settings(StringBuilder page, IReadOnlyList<KeyValuePair<string, string>> settings)
    {
        if (settings.Count == 0)
        {
            return;
        }

        page.Append("""<section><h2>Settings</h2><dl class="settings">""").Append('\n');
        foreach ((string name, string value) in settings)
        {
            page.Append($"<div><dt>{Html.Escape(name)}</dt><dd>{Html.Escape(value)}</dd></div>\n");
        }

        page.Append("</dl></section>\n");
    }
}
