using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>Everything an evaluation found out; becomes metrics.json for scripts and report.html for people.</summary>
public sealed record EvaluationReport(string Project, string BaseModel, string Method)
{
    public const string MetricsFile = "metrics.json";
    public const string PageFile = "report.html";

    public IReadOnlyList<SplitComparison> Splits { get; init; } = [];

    public LossCurve Curve { get; init; } = LossCurve.Empty;

    public IReadOnlyList<GateResult> Gates { get; init; } = [];

    public IReadOnlyList<SampleComparison> Samples { get; init; } = [];

    public IReadOnlyList<LayerChange> Changes { get; init; } = [];

    /// <summary>What preprocessing made of the data; null where it is not known.</summary>
    public PreprocessStatistics? Data { get; init; }

    /// <summary>Settings worth showing, in order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Settings { get; init; } = [];

    /// <summary>Writes both files into a folder, each complete or not at all.</summary>
    public void Write(string folder)
    {
        AtomicFile.WriteText(Path.Combine(folder, MetricsFile), MetricsJson.Write(this));
        AtomicFile.WriteText(Path.Combine(folder, PageFile), ReportPage.Render(this));
    }
}
