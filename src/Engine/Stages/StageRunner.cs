using System.Diagnostics;
using System.Text.Json;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Stages;

/// <summary>
/// Decides whether a stage must run, says why, runs it into a folder beside its place, and puts it there complete.
/// </summary>
public static class StageRunner
{
    public static StageResult Run(Stage stage, StageContext context)
    {
        StageKey key = context.Key(stage);
        context.Hashes.Save();
        string folder = context.FolderOf(stage);
        if (StageMarker.Read(folder) is { } marker && marker.Key == key.Hash && OutputsExist(marker, folder))
        {
            var known = new StageResult(stage.Name, StageStatus.UpToDate, folder, marker.OutputsIn(folder), marker.Seconds);
            if (stage.Check(context, known))
            {
                PointTo(context, stage, key);
                return known;
            }
        }

        SayWhy(stage, context, key, folder);
        return Work(stage, context, key, folder);
    }

    private static StageResult Work(Stage stage, StageContext context, StageKey key, string folder)
    {
        string partial = folder + ".partial";
        using FileStream claim = Claim(partial, context);
        if (!stage.Resumes && Directory.Exists(partial))
        {
            Directory.Delete(partial, recursive: true);
        }

        Directory.CreateDirectory(partial);
        var watch = Stopwatch.StartNew();
        IReadOnlyDictionary<string, string>? outputs = stage.Run(context, partial);
        if (outputs is null)
        {
            return new StageResult(stage.Name, StageStatus.Stopped, partial, new Dictionary<string, string>(), watch.Elapsed.TotalSeconds);
        }

        new StageMarker(stage.Name, key.Hash, key.Lines, outputs, watch.Elapsed.TotalSeconds).Write(partial);
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        Directory.Move(partial, folder);
        PointTo(context, stage, key);
        var result = new StageResult(stage.Name, StageStatus.Done, folder, StageMarker.Read(folder)!.OutputsIn(folder), watch.Elapsed.TotalSeconds);
        stage.Check(context, result);
        return result;
    }

    private static bool OutputsExist(StageMarker marker, string folder) =>
        marker.OutputsIn(folder).Values.All(path => File.Exists(path) || Directory.Exists(path));

    /// <summary>One engine at a time works on a folder; a second waits for the first and says so.</summary>
    private static FileStream Claim(string partial, StageContext context)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(partial)!);
        bool said = false;
        while (true)
        {
            try
            {
                return new FileStream(partial + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
            }
            catch (IOException) when (!context.Stop.IsCancellationRequested)
            {
                if (!said)
                {
                    context.Events.Milestone("waiting for another build of this project");
                    said = true;
                }

                context.Stop.WaitHandle.WaitOne(200);
            }
        }
    }

    private static void SayWhy(Stage stage, StageContext context, StageKey key, string folder)
    {
        if (Directory.Exists(folder + ".partial") && stage.Resumes)
        {
            context.Events.Milestone($"{stage.Name} goes on where it was stopped");
        }
        else if (Directory.Exists(folder))
        {
            context.Events.Milestone($"{stage.Name} runs again: its outputs are incomplete");
        }
        else if (Latest(context, stage) is { } latest && key.ChangesSince(latest.Lines) is { Length: > 0 } changes)
        {
            context.Events.Milestone($"{stage.Name} runs again: {changes}");
        }
        else
        {
            context.Events.Milestone($"{stage.Name} runs for the first time");
        }
    }

    private static StageMarker? Latest(StageContext context, Stage stage) =>
        ProjectResults.LatestFolder(context.Request.Project.ObjFolder, stage.Name) is string folder ? StageMarker.Read(folder) : null;

    /// <summary>Writes obj/&lt;project&gt;/&lt;stage&gt;/latest.json, by which chat and the command find the newest result.</summary>
    private static void PointTo(StageContext context, Stage stage, StageKey key)
    {
        string path = Path.Combine(context.Request.Project.ObjFolder, stage.Name, ProjectResults.PointerFile);
        string text = JsonSerializer.Serialize(new Dictionary<string, string> { ["folder"] = key.FolderName }, StageJson.Default.DictionaryStringString);
        if (!File.Exists(path) || File.ReadAllText(path) != text)
        {
            File.WriteAllText(path + ".tmp", text);
            File.Move(path + ".tmp", path, overwrite: true);
        }
    }
}
