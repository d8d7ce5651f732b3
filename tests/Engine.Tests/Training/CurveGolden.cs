using System.Text.Json;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Training;

namespace FineTuneTool.Engine.Tests.Training;

/// <summary>A recorded training run: rows in the order the reference took them, settings, and what it measured.</summary>
internal sealed class CurveGolden
{
    private readonly JsonElement _curve;

    /// <param name="curve">JSON with <c>settings</c> and <c>records</c>.</param>
    /// <param name="data">JSON with <c>steps</c> and rows under <paramref name="rowsName"/>.</param>
    public CurveGolden(JsonElement curve, JsonElement data, string rowsName)
    {
        _curve = curve;
        Rows = RowsOf(data, rowsName);
        TrainingRows = [.. data.GetProperty("steps").EnumerateArray().SelectMany(step => step.EnumerateArray())
            .SelectMany(batch => batch.EnumerateArray()).Select(row => Rows[row.GetInt32()])];
    }

    public static CurveGolden Open(string path)
    {
        JsonElement curve = JsonDocument.Parse(File.ReadAllText(path)).RootElement;
        return new CurveGolden(curve, curve, "rows");
    }

    public IReadOnlyList<TokenizedExample> Rows { get; }

    /// <summary>The rows of all steps one after another; a row may come again.</summary>
    public IReadOnlyList<TokenizedExample> TrainingRows { get; }

    public JsonElement Records => _curve.GetProperty("records");

    public JsonElement Eval => _curve.GetProperty("eval");

    public IReadOnlyList<TokenizedExample> EvalRows => [.. Eval.GetProperty("rows").EnumerateArray().Select(row => Rows[row.GetInt32()])];

    public TrainingSettings Settings
    {
        get
        {
            JsonElement settings = _curve.GetProperty("settings");
            int warmup = settings.GetProperty("warmup").GetInt32();
            return new TrainingSettings
            {
                MaxSteps = settings.GetProperty("steps").GetInt32(),
                MicroBatchSize = settings.GetProperty("micro").GetInt32(),
                GradientAccumulationSteps = settings.GetProperty("accum").GetInt32(),
                LearningRate = settings.GetProperty("lr").GetDouble(),
                LrScheduler = settings.GetProperty("sched").GetString()!.Replace('_', '-'),
                WarmupSteps = warmup,
                WarmupRatio = 0,
                WeightDecay = settings.GetProperty("wd").GetDouble(),
                LoraPlusLrRatio = settings.TryGetProperty("loraplus", out JsonElement ratio) && ratio.ValueKind == JsonValueKind.Number ? ratio.GetDouble() : 1,
                AdamEpsilon = settings.GetProperty("eps").GetDouble(),
                MaxGradNorm = settings.GetProperty("max_grad_norm").GetDouble(),
                LoggingSteps = 1,
                LoadBestModelAtEnd = false,
            };
        }
    }

    public static IReadOnlyList<TokenizedExample> RowsOf(JsonElement data, string name) => [.. data.GetProperty(name).EnumerateArray().Select(Row)];

    /// <summary>Rows as they stand: no packing, no shuffling.</summary>
    public static TrainingBatches InOrder(IReadOnlyList<TokenizedExample> rows, int microBatchSize) =>
        new(rows, new BatchSamplerSettings(MaxSeqLength: 4096, microBatchSize, SamplePacking: false, ShuffleData: false));

    private static TokenizedExample Row(JsonElement row) => new(
        [.. row.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())],
        [.. row.GetProperty("labels").EnumerateArray().Select(label => label.GetInt32())]);
}
