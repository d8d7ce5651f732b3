using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Evaluation;
using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Stages;

/// <summary>
/// Measures the tuned model and compares it with the base. Report and gates are made anew on every call from what was measured, so that a changed
/// gate needs no new measurement and a failed one fails every build.
/// </summary>
public sealed class EvaluateStage(PreprocessStage preprocess, BaselineStage baseline, TrainStage train) : Stage
{
    public override string Name => "evaluate";

    public override IEnumerable<KeyLine> KeyLines(StageContext context) =>
        [KeyInputs.Upstream(context, train), KeyInputs.Upstream(context, baseline)];

    public override IReadOnlyDictionary<string, string>? Run(StageContext context, string folder)
    {
        using LoadedModel model = TrainedModel.Open(context, train, context.ActivationType);
        IReadOnlyList<LayerChange> changes = model.Decoder.ActiveAdapter is { } adapter ? AdapterChange.Measure(adapter) : [];
        Measurement.Of(model, context, context.OutputsOf(preprocess), "tuned", changes).Write(Path.Combine(folder, "tuned.json"));
        return new Dictionary<string, string>
        {
            ["tuned"] = "tuned.json",
            ["metrics"] = EvaluationReport.MetricsFile,
            ["report"] = EvaluationReport.PageFile,
        };
    }

    public override bool Check(StageContext context, StageResult result)
    {
        EvaluationReport report = Report(context, result);
        report.Write(result.Folder);
        foreach (SplitComparison split in report.Splits)
        {
            context.Events.Emit(new Diagnostics.MilestoneEvent(FormattableString.Invariant(
                $"{split.Split}: loss {split.Base.Loss:0.0000} → {split.Tuned.Loss:0.0000}, perplexity {split.Base.Perplexity:0.00} → {split.Tuned.Perplexity:0.00}, token accuracy {split.Base.TokenAccuracy:0.0%} → {split.Tuned.TokenAccuracy:0.0%}")));
        }

        QualityGates.Enforce(report.Gates, context.Events);
        return true;
    }

    private EvaluationReport Report(StageContext context, StageResult result)
    {
        Measurement before = Measurement.Read(context.OutputsOf(baseline)[BaselineStage.Output]);
        Measurement after = Measurement.Read(result.Outputs["tuned"]);
        List<SplitComparison> splits = [.. after.Splits.Select(split => new SplitComparison(split.Key, before.Splits[split.Key], split.Value))];
        RunSettings settings = context.Settings;
        return new EvaluationReport(context.Request.Project.Name, settings.BaseModel, settings.FineTuneMethod)
        {
            Splits = splits,
            Curve = LossCurve.Read(context.OutputsOf(train)["metrics"]),
            Gates = [.. context.Request.ItemsOf(QualityGate.ItemType).Select(item => QualityGate.Parse(item).Check(splits))],
            Samples = [.. Measurement.Prompts(context.Request).Select((prompt, i) => new SampleComparison(prompt, before.Answers[i], after.Answers[i]))],
            Changes = after.Changes,
            Data = PreprocessStatistics.FromJson(File.ReadAllText(context.OutputsOf(preprocess)["statistics"])),
            Settings = [.. SettingTable.All.Where(setting => settings[setting.Name].Length > 0)
                .Select(setting => KeyValuePair.Create(setting.Name, settings[setting.Name]))],
        };
    }
}
