using System.Text.Json;
using System.Text.Json.Serialization;

namespace FineTuneTool.Engine.Stages;

/// <summary>
/// The file <c>stage.json</c> in a stage's folder, written last: where it stands, the folder is complete.
/// </summary>
/// <param name="Outputs">Names and paths; paths inside the folder are relative to it.</param>
public sealed record StageMarker(string Stage, string Key, IReadOnlyList<KeyLine> Lines, IReadOnlyDictionary<string, string> Outputs, double Seconds)
{
    public const string FileName = "stage.json";

    /// <summary>The marker of a folder, or null where the folder is not complete.</summary>
    public static StageMarker? Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllText(path), StageJson.Default.StageMarker) : null;
        }
        catch (Exception exception) when (exception is JsonException or IOException)
        {
            return null;
        }
    }

    public void Write(string folder)
    {
        string temporary = Path.Combine(folder, FileName + ".tmp");
        File.WriteAllText(temporary, JsonSerializer.Serialize(this, StageJson.Default.StageMarker));
        File.Move(temporary, Path.Combine(folder, FileName), overwrite: true);
    }

    /// <summary>The full path of each output of a folder.</summary>
    public Dictionary<string, string> OutputsIn(string folder) =>
        Outputs.ToDictionary(output => output.Key, output => Path.GetFullPath(Path.Combine(folder, output.Value)));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(StageMarker))]
[JsonSerializable(typeof(Measurement))]
[JsonSerializable(typeof(Dictionary<string, string>))]
[JsonSerializable(typeof(Dictionary<string, ContentHashes.Entry>))]
internal sealed partial class StageJson : JsonSerializerContext;
