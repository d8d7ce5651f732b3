using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Stages;

namespace FineTuneTool.Tool.Inspection;

/// <summary>The result of a stage of a project: what it was made from, and what lies in it.</summary>
internal static class StageInspection
{
    public static bool Fits(string path) => File.Exists(Path.Combine(path, StageMarker.FileName));

    public static JsonObject Describe(string path)
    {
        StageMarker marker = StageMarker.Read(path) ?? throw new FineTuneException(
            Codes.FileUnreadable, $"{StageMarker.FileName} cannot be read.", "Run the stage again.", new SourcePosition(Path.Combine(path, StageMarker.FileName)));
        return new JsonObject
        {
            ["stage"] = marker.Stage,
            ["key"] = marker.Key,
            ["seconds"] = marker.Seconds,
            ["made_from"] = new JsonObject(marker.Lines.Select(line => KeyValuePair.Create(line.Label, (JsonNode?)line.Value)).DistinctBy(line => line.Key)),
            ["outputs"] = new JsonObject(marker.OutputsIn(path).Select(output => KeyValuePair.Create(output.Key, (JsonNode?)output.Value))),
        };
    }
}
