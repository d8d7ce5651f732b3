using System.Text.Json;
using System.Text.RegularExpressions;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Evaluation;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Evaluation;

public class EvaluationReportTests
{
    private const string Hostile = "</style><script>alert('x')</script><img src=\"http://evil.example/a.png\" onerror=alert(1)> & \0\u0007 계약";

    [Fact]
    public void Every_part_of_the_report_is_on_the_page()
    {
        string page = ReportPage.Render(Example("legal"));
        foreach (string heading in new[] { "Quality gates", "Base and tuned", "Loss during training", "Answers before and after", "How much the weights changed", "Settings" })
        {
            Assert.Contains($"<h2>{heading}</h2>", page, StringComparison.Ordinal);
        }

        Assert.Contains("""<td class="n">2.520</td><td class="n">2.236</td><td class="n better">−0.284</td>""", page, StringComparison.Ordinal);
        Assert.Contains("""<td class="n worse">−1.0 %</td>""", page, StringComparison.Ordinal);
        Assert.Equal(3, Regex.Count(page, "<svg "));
    }

    [Fact]
    public void An_empty_report_is_still_a_page()
    {
        string page = ReportPage.Render(new EvaluationReport("p", "m", "lora"));
        Assert.DoesNotContain("<section", page, StringComparison.Ordinal);
        Assert.EndsWith("</html>\n", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Hostile_text_stays_text_everywhere()
    {
        EvaluationReport report = Example(Hostile) with
        {
            BaseModel = Hostile,
            Method = Hostile,
            Samples = [new SampleComparison(Hostile, Hostile, Hostile)],
            Changes = [new LayerChange("model.layers.0." + Hostile, 1, 2)],
            Settings = [new(Hostile, Hostile)],
        };
        string page = ReportPage.Render(report);
        string[] elements = [.. Regex.Matches(page, "<([a-z0-9]+)").Select(match => match.Groups[1].Value).Distinct()];
        Assert.DoesNotContain("script", elements);
        Assert.DoesNotContain("img", elements);
        Assert.Equal(1, Regex.Count(page, "</style>"));
        Assert.Contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;", page, StringComparison.Ordinal);
        Assert.Contains("&amp; \uFFFD\uFFFD 계약", page, StringComparison.Ordinal);
        Assert.Equal(0, Balance(page, "div"));
    }

    [Fact]
    public void Nothing_is_fetched_from_elsewhere()
    {
        string page = ReportPage.Render(Example("legal"));
        Assert.DoesNotMatch(@"(?i)\b(src|href)\s*=|url\(|@import|http://|https://", page);
        Assert.Contains("default-src 'none'", page, StringComparison.Ordinal);
        Assert.Contains("prefers-color-scheme: dark", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Metrics_json_holds_the_numbers_and_null_where_there_is_none()
    {
        using JsonDocument json = JsonDocument.Parse(MetricsJson.Write(Example(Hostile)));
        JsonElement validation = json.RootElement.GetProperty("splits").GetProperty("validation");
        Assert.Equal(2.236, validation.GetProperty("tuned").GetProperty("loss").GetDouble());
        Assert.Equal(470, validation.GetProperty("base").GetProperty("supervised_tokens").GetInt64());
        Assert.Equal(Hostile, json.RootElement.GetProperty("project").GetString());
        JsonElement gate = json.RootElement.GetProperty("gates")[0];
        Assert.Equal((JsonValueKind.Null, 1.8, false), (gate.GetProperty("min").ValueKind, gate.GetProperty("max").GetDouble(), gate.GetProperty("passed").GetBoolean()));
    }

    [Fact]
    public void Both_files_are_written_under_their_names_and_nothing_is_left_beside_them()
    {
        using var folder = new TemporaryFolder();
        Example("legal").Write(folder.Path);
        Assert.Equal(["metrics.json", "report.html"], Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void The_loss_curve_is_read_from_the_named_columns_and_skips_empty_cells()
    {
        using var folder = new TemporaryFolder();
        string csv = folder.Write("metrics.csv", "step,epoch,loss,eval_loss,learning_rate\n1,0.1,2.5,,1e-4\n2,0.2,2.4,2.6,1e-4\n3,0.3,nan,,\n4,0.4,,2.3,\n");
        LossCurve curve = LossCurve.Read(csv);
        Assert.Equal([new(1, 2.5), new(2, 2.4)], curve.Train);
        Assert.Equal([new(2, 2.6), new(4, 2.3)], curve.Eval);
    }

    [Fact]
    public void A_change_knows_its_layer_and_kind_and_adds_up_by_squares()
    {
        Assert.Equal((12, "q_proj"), (LayerChanges.LayerOf("model.layers.12.self_attn.q_proj"), LayerChanges.KindOf("model.layers.12.self_attn.q_proj")));
        Assert.Equal((-1, "lm_head"), (LayerChanges.LayerOf("lm_head"), LayerChanges.KindOf("lm_head")));
        Assert.Equal(0.1, LayerChanges.Relative([new LayerChange("a", 3, 30), new LayerChange("b", 4, 40)]), 12);
        Assert.Equal(0, LayerChanges.Relative([new LayerChange("lm_head", 0, 0)]));
    }

    internal static EvaluationReport Example(string project) => new(project, "SmolLM2-135M-Instruct.Q4_1.gguf", "lora")
    {
        Splits = [new SplitComparison("validation", new EvaluationMetrics(2.52, 0.51, 470, 12), new EvaluationMetrics(2.236, 0.5, 470, 12))],
        Curve = new LossCurve([.. Enumerable.Range(1, 1000).Select(step => new LossPoint(step, 2 + (1.0 / step)))], [new(500, 2.4), new(1000, 2.236)]),
        Gates = [new GateResult(new QualityGate(GateMetrics.All[0], null, 1.8), 2.236, false)],
        Samples = [new SampleComparison("Prompt?", "Before.", "After.")],
        Changes = [.. from layer in Enumerable.Range(0, 30) from kind in new[] { "q_proj", "up_proj" } select new LayerChange($"model.layers.{layer}.x.{kind}", layer + 1, 1000)],
        Settings = [new("LoraRank", "16")],
    };

    private static int Balance(string page, string element) => Regex.Count(page, $"<{element}[ >]") - Regex.Count(page, $"</{element}>");
}
