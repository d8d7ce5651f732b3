namespace FineTuneTool.Engine.Stages;

/// <summary>The stages in the order of the line. A new stage is one class and one line here.</summary>
public static class StageList
{
    private static readonly PreprocessStage Preprocess = new();
    private static readonly BaselineStage Baseline = new(Preprocess);
    private static readonly TrainStage Train = new(Preprocess);

    public static IReadOnlyList<Stage> All { get; } =
    [
        new ValidateStage(Preprocess),
        Preprocess,
        Baseline,
        Train,
        new EvaluateStage(Preprocess, Baseline, Train),
        new MergeStage(Train),
        new ExportGgufStage(Train),
    ];

    public static Stage? Find(string name) => All.FirstOrDefault(stage => stage.Name == name);
}
