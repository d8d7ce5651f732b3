using System.Text.Json;
using System.Text.RegularExpressions;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Evaluation;

namespace FineTuneTool.Engine.Tests.Evaluation;

public class DataSectionTests
{
    private const string Hostile = "</dt><script>alert('x')</script>";

    [Fact]
    public void The_report_tells_what_became_of_the_data()
    {
        string page = ReportPage.Render(Report(Statistics()));
        Assert.Contains("<h2>Data</h2>", page, StringComparison.Ordinal);
        Assert.Contains("<dt>rows read</dt><dd>1,234</dd>", page, StringComparison.Ordinal);
        Assert.Contains("<dt>dropped: duplicate</dt><dd>7</dd>", page, StringComparison.Ordinal);
        Assert.Contains("""<tr><td>rows</td><td class="n">1,000</td><td class="n">20</td></tr>""", page, StringComparison.Ordinal);
        Assert.Contains("""<tr><td>share that is learnt</td><td class="n">25.0 %</td><td class="n">50.0 %</td></tr>""", page, StringComparison.Ordinal);
        Assert.Contains("""<tr><td>truncated rows</td><td class="n">3</td><td class="n">0</td></tr>""", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Lengths_that_no_row_has_stand_in_the_chart_with_nothing()
    {
        string page = ReportPage.Render(Report(Statistics() with { MaxSeqLength = 250 }));
        Assert.Equal(["9–16: 25.000 %", "17–32: 0.000 %", "33–64: 0.000 %", "65–100: 75.000 %", "101–200: 0.000 %", "201–250: 0.000 %"],
            Regex.Matches(page, "<title>([^<]*)</title></rect>").Select(match => match.Groups[1].Value));
    }

    [Fact]
    public void Names_that_come_from_files_stay_text()
    {
        string page = ReportPage.Render(Report(Statistics() with { Template = Hostile, Dropped = new Dictionary<string, int> { [Hostile] = 1 } }));
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
        Assert.Equal(2, Regex.Count(page, "&lt;script&gt;"));
    }

    [Fact]
    public void Metrics_json_holds_the_same_counts()
    {
        using JsonDocument json = JsonDocument.Parse(MetricsJson.Write(Report(Statistics())));
        JsonElement data = json.RootElement.GetProperty("data");
        Assert.Equal((1234, 7), (data.GetProperty("rows_read").GetInt64(), data.GetProperty("dropped").GetProperty("duplicate").GetInt32()));
        JsonElement train = data.GetProperty("train");
        Assert.Equal((1000, 0.25, 3), (train.GetProperty("rows").GetInt32(), train.GetProperty("supervised_share").GetDouble(), train.GetProperty("truncated").GetInt32()));
        Assert.Equal("""{"up_to":16,"rows":250}""", Regex.Replace(train.GetProperty("lengths")[0].GetRawText(), @"\s", ""));
    }

    [Fact]
    public void A_report_without_statistics_has_no_such_section()
    {
        EvaluationReport report = Report(null);
        Assert.DoesNotContain("<h2>Data</h2>", ReportPage.Render(report), StringComparison.Ordinal);
        Assert.DoesNotContain("\"data\"", MetricsJson.Write(report), StringComparison.Ordinal);
    }

    private static EvaluationReport Report(PreprocessStatistics? data) => new("p", "m", "lora") { Data = data };

    private static PreprocessStatistics Statistics() => new(
        1234, new Dictionary<string, int> { ["duplicate"] = 7 }, "chat", 100,
        new SplitStatistics(1000, 80000, 20000, 3, 9, 100, [new(16, 250), new(100, 750)]),
        new SplitStatistics(20, 200, 100, 0, 10, 10, [new(16, 20)]),
        new SplitStatistics(0, 0, 0, 0, 0, 0, []));
}
