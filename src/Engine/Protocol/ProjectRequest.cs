using System.Text.Json;
using System.Text.Json.Serialization;

namespace FineTuneTool.Engine.Protocol;

/// <summary>A setting as the project file gives it, with its place for diagnostics; no place for values of the command line.</summary>
public sealed record SettingText(string Value, string? File = null, int Line = 0, int Column = 0);

/// <summary>An item of the project: data, a sample prompt, an export, a gate.</summary>
public sealed record ProjectItem(
    string Type,
    string Include,
    string? FullPath,
    IReadOnlyDictionary<string, string> Metadata,
    string? File = null,
    int Line = 0,
    int Column = 0)
{
    /// <summary>Metadata by name; null where absent or empty.</summary>
    public string? Get(string name) => Metadata.TryGetValue(name, out string? value) && value.Length > 0 ? value : null;
}

/// <summary>Where the project lies and where its results go; absolute paths.</summary>
public sealed record ProjectLocation(string Name, string File, string Directory, string ObjFolder, string BinFolder);

/// <summary>
/// Everything a stage may ask of a project; written as request.json by the build and read by the engine host.
/// Each stage takes from it only what it reads, and its key depends on only that.
/// </summary>
public sealed record ProjectRequest(
    int FormatVersion,
    ProjectLocation Project,
    IReadOnlyDictionary<string, SettingText> Settings,
    IReadOnlyList<ProjectItem> Items,
    int Threads = 0)
{
    public const int CurrentFormatVersion = 1;

    public IEnumerable<ProjectItem> ItemsOf(string type) => Items.Where(item => item.Type == type);

    public static ProjectRequest Read(string path) =>
        JsonSerializer.Deserialize(File.ReadAllText(path), ProtocolJson.Default.ProjectRequest)
        ?? throw new JsonException("The request is empty.");

    public void Write(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, ProtocolJson.Default.ProjectRequest));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = false)]
[JsonSerializable(typeof(ProjectRequest))]
[JsonSerializable(typeof(HostLine))]
public sealed partial class ProtocolJson : JsonSerializerContext;
