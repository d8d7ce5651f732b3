using System.Text.Json.Nodes;

namespace FineTuneTool.Tool.Inspection;

/// <summary>Describes paths of one kind.</summary>
/// <param name="Kind">The kind, as the description names it.</param>
/// <param name="Fits">Whether a path is of this kind, by its name and the files in it.</param>
/// <param name="Describe">What it holds; objects and lists may nest. Raises the diagnostics of the readers.</param>
internal sealed record PathInspector(string Kind, Func<string, bool> Fits, Func<string, JsonObject> Describe)
{
    /// <summary>The kinds in the order in which they are tried. A new one is one class and one line here.</summary>
    public static IReadOnlyList<PathInspector> All { get; } =
    [
        new("stage", StageInspection.Fits, StageInspection.Describe),
        new("adapter", AdapterInspection.Fits, AdapterInspection.Describe),
        new("gguf", ModelInspection.IsGguf, ModelInspection.DescribeGguf),
        new("model", ModelInspection.IsFolder, ModelInspection.DescribeFolder),
        new("safetensors", TensorInspection.Fits, TensorInspection.Describe),
        new("data", DataInspection.Fits, DataInspection.Describe),
    ];
}
