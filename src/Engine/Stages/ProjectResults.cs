using System.Text.Json;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Stages;

/// <summary>Finds the newest results of a project from its folder or its .finetune file alone, without a build.</summary>
public static class ProjectResults
{
    internal const string PointerFile = "latest.json";

    /// <summary>Folder of a stage's newest complete result, or null.</summary>
    public static string? LatestFolder(string objFolder, string stage)
    {
        string path = Path.Combine(objFolder, stage, PointerFile);
        try
        {
            if (File.Exists(path)
                && JsonSerializer.Deserialize(File.ReadAllText(path), StageJson.Default.DictionaryStringString)?.GetValueOrDefault("folder") is string name
                && name.All(char.IsAsciiHexDigitLower))
            {
                string folder = Path.Combine(objFolder, stage, name);
                return StageMarker.Read(folder) is null ? null : folder;
            }
        }
        catch (Exception exception) when (exception is JsonException or IOException)
        {
            // A damaged pointer is no result.
        }

        return null;
    }

    /// <summary>The .finetune file that a path names: the file itself, or the only one in a folder.</summary>
    public static string FindProject(string path)
    {
        if (File.Exists(path) && path.EndsWith(".finetune", StringComparison.OrdinalIgnoreCase))
        {
            return Path.GetFullPath(path);
        }

        string[] projects = Directory.Exists(path) ? Directory.GetFiles(path, "*.finetune") : [];
        return projects.Length == 1 ? Path.GetFullPath(projects[0]) : throw new FineTuneException(
            Codes.UpstreamMissing,
            projects.Length == 0 ? $"{Path.GetFullPath(path)} holds no .finetune project." : $"{Path.GetFullPath(path)} holds several .finetune projects.",
            "Name the project file itself.");
    }

    /// <summary>The default folder of a project's stage results.</summary>
    public static string ObjFolder(string project) =>
        Path.Combine(Path.GetDirectoryName(project)!, "obj", Path.GetFileNameWithoutExtension(project));

    /// <summary>An output of a project's newest complete result of a stage.</summary>
    /// <exception cref="FineTuneException">FT0008: the stage has no result.</exception>
    public static string Output(string project, string stage, string output)
    {
        string? folder = LatestFolder(ObjFolder(project), stage);
        return folder is not null && StageMarker.Read(folder)!.OutputsIn(folder).TryGetValue(output, out string? path) ? path
            : throw new FineTuneException(Codes.UpstreamMissing, $"{Path.GetFileName(project)} has no result of {stage} yet.",
                $"Run: dotnet build {Path.GetFileName(project)} -t:{char.ToUpperInvariant(stage[0])}{stage[1..]}", new SourcePosition(project));
    }
}
