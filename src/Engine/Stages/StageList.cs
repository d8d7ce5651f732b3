namespace FineTuneTool.Engine.Stages;

/// <summary>The stages in the order of the line. A new stage is one class and one line here.</summary>
public static class StageList
{
    public static IReadOnlyList<Stage> All { get; } =
    [
    ];

    public static Stage? Find(string name) => All.FirstOrDefault(stage => stage.Name == name);
}
