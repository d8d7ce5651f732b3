namespace FineTuneTool.Engine.Stages;

/// <summary>Measures the untouched base model, so that every later evaluation has something to compare with.</summary>
public sealed class BaselineStage(PreprocessStage preprocess) : Stage
{
    internal const string Output = "baseline";

    public override string Name => "baseline";

    public override IEnumerable<KeyLine> KeyLines(StageContext context) =>
    [
        KeyInputs.Upstream(context, preprocess), KeyInputs.ComputeType(context), .. KeyInputs.BaseModel(context), .. context.SettingLines(Measurement.Settings),
        .. KeyInputs.SamplePrompts(context),
    ];

    public override IReadOnlyDictionary<string, string>? Run(StageContext context, string folder)
    {
        using var model = new LoadedModel(context.BaseModel, [], context.Request.Threads, activationType: context.ActivationType, initial: context.InitialWeights);
        Measurement.Of(model, context, context.OutputsOf(preprocess), "base", []).Write(Path.Combine(folder, "baseline.json"));
        return new Dictionary<string, string> { [Output] = "baseline.json" };
    }
}
