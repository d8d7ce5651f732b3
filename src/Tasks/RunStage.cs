using System.Globalization;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;
using Task = Microsoft.Build.Utilities.Task;

namespace FineTuneTool.Tasks;

/// <summary>
/// Runs one stage in the engine host: writes its request, relays its lines, and on Ctrl-C lets it write a checkpoint before the build ends.
/// Not a ToolTask, which would kill the process at once.
/// </summary>
public sealed class RunStage : Task, ICancelableTask, IDisposable
{
    /// <summary>128 + SIGINT.</summary>
    private const int StoppedExitCode = 130;

    private readonly ManualResetEvent _cancelled = new(false);

    /// <summary>The stage's name as the engine knows it.</summary>
    [Required]
    public string Stage { get; set; } = "";

    /// <summary>Full path of the .finetune file.</summary>
    [Required]
    public string ProjectFile { get; set; } = "";

    /// <summary>Files that the project imports without saying so; only looked through for places.</summary>
    public string[] ImportedFiles { get; set; } = [];

    /// <summary>Folder of stage results, relative to the project.</summary>
    [Required]
    public string ObjFolder { get; set; } = "";

    /// <summary>Folder of what a user takes away, relative to the project.</summary>
    [Required]
    public string BinFolder { get; set; } = "";

    /// <summary>Settings by name, each with the metadata Value.</summary>
    public ITaskItem[] Settings { get; set; } = [];

    /// <summary>Data, prompts, exports and gates, each with the metadata FineTuneItemType.</summary>
    public ITaskItem[] Items { get; set; } = [];

    /// <summary>Path of the engine host's finetune.dll.</summary>
    [Required]
    public string Host { get; set; } = "";

    /// <summary>Threads of the engine; 0 = every core.</summary>
    public int Threads { get; set; }

    /// <summary>The stage computes for long: projects take turns.</summary>
    public bool UsesDevice { get; set; }

    public bool LiveProgress { get; set; } = true;

    /// <summary>Seconds that a cancelled stage may take to end by itself.</summary>
    public int CancelGraceSeconds { get; set; } = 60;

    /// <summary>The folder of the result.</summary>
    [Output]
    public string Folder { get; set; } = "";

    /// <summary>Paths of the outputs, each with the metadata Name.</summary>
    [Output]
    public ITaskItem[] Outputs { get; set; } = [];

    public void Cancel() => _cancelled.Set();

    public void Dispose() => _cancelled.Dispose();

    public override bool Execute()
    {
        string directory = Path.GetDirectoryName(ProjectFile)!;
        string stageFolder = Path.GetFullPath(Path.Combine(directory, ObjFolder, Stage));
        string name = Path.GetFileNameWithoutExtension(ProjectFile);
        var forwarder = new EventForwarder(Log, BuildEngine, ProjectFile, LiveProgress, !Console.IsOutputRedirected, TimeProvider.System);
        using DeviceLock? turn = UsesDevice
            ? DeviceLock.Acquire(DeviceLock.DefaultFolder, "cpu", name, _cancelled, holder => forwarder.Keep($"waiting for {holder}"))
            : null;
        if (_cancelled.WaitOne(0))
        {
            return false;
        }

        string logFile = Path.Combine(stageFolder, "host.log");
        try
        {
            Directory.CreateDirectory(stageFolder);
            string request = Path.Combine(stageFolder, "request.json");
            Request(name, directory).Write(request);
            using var process = new EngineProcess(Host, ["stage", Stage, request], directory, logFile);
            return Relay(process, forwarder, logFile);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            Log.LogError(null, Codes.EngineStopped.Id, null, null, ProjectFile, 0, 0, 0, 0,
                $"The stage {Stage} could not be started: {exception.Message} Check that {stageFolder} is writable and that {DotNetHost.Path} runs.");
            return false;
        }
    }

    private ProjectRequest Request(string name, string directory)
    {
        var reader = new SettingsReader(new ProjectSources(ProjectFile, ImportedFiles));
        var location = new ProjectLocation(name, ProjectFile, directory, Folders(directory, ObjFolder), Folders(directory, BinFolder));
        return new ProjectRequest(ProjectRequest.CurrentFormatVersion, location, reader.Settings(Settings), reader.Items(Items), Threads);
    }

    private static string Folders(string directory, string relative) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(Path.Combine(directory, relative)));

    private bool Relay(EngineProcess process, EventForwarder forwarder, string logFile)
    {
        var stopping = new StopPlan(TimeSpan.FromSeconds(CancelGraceSeconds), TimeProvider.System);
        int silentWaits = 0;

        // Where something that the engine started still holds its output, the end of the engine itself must do.
        while (!process.OutputEnded && silentWaits < 20)
        {
            // A short wait, so that a cancelled build is noticed while the engine is silent.
            if (process.TryRead(100, out string line))
            {
                forwarder.Forward(line);
                silentWaits = 0;
            }
            else if (process.HasEnded)
            {
                silentWaits++;
            }

            switch (_cancelled.WaitOne(0) ? stopping.Next() : StopAction.None)
            {
                case StopAction.Ask:
                    process.RequestStop();
                    break;
                case StopAction.Kill:
                    Log.LogWarning(null, Codes.Stopped.Id, null, null, ProjectFile, 0, 0, 0, 0,
                        $"The stage {Stage} did not end within FineTuneCancelGraceSeconds ({CancelGraceSeconds} s) and was killed. It resumes from its last checkpoint.");
                    process.Kill();
                    break;
            }
        }

        process.WaitForEnd();
        return Conclude(process, forwarder, logFile);
    }

    private bool Conclude(EngineProcess process, EventForwarder forwarder, string logFile)
    {
        HostLine? result = forwarder.Result;
        if (result?.Status is "done" or "upToDate" && process.ExitCode == 0)
        {
            Folder = result.Folder ?? "";
            ShowResult(result.Status == "upToDate");
            Outputs = [.. (result.Outputs ?? new Dictionary<string, string>()).Select(output =>
                new TaskItem(output.Value, new Dictionary<string, string> { ["Name"] = output.Key }))];
            return !Log.HasLoggedErrors;
        }

        if (result?.Status == "stopped" || process.ExitCode == StoppedExitCode || _cancelled.WaitOne(0))
        {
            return Stopped(forwarder);
        }

        if (!forwarder.HasErrors)
        {
            string tail = process.ErrorTail;
            Log.LogError(null, Codes.EngineStopped.Id, null, null, ProjectFile, 0, 0, 0, 0,
                $"The engine ended unexpectedly in the stage {Stage} (exit code {process.ExitCode.ToString(CultureInfo.InvariantCulture)}). "
                + $"Run the same command again: it goes on from the last checkpoint. The engine's log is {logFile}"
                + (tail.Length > 0 ? $"; it ends with:{Environment.NewLine}{tail}" : " and is empty; the system may have killed it for its memory."));
        }

        return false;
    }

    private void ShowResult(bool wasUpToDate)
    {
        string name = Path.GetFileNameWithoutExtension(ProjectFile);
        if (wasUpToDate)
        {
            Log.LogMessage(MessageImportance.High, "{0} {1} is up to date", name, Stage);
        }

        // In this form the terminal logger makes it the project's link.
        if (Folder.Length > 0)
        {
            Log.LogMessage(MessageImportance.High, "{0} -> {1}", name, Folder);
        }
    }

    private bool Stopped(EventForwarder forwarder)
    {
        string text = forwarder.LastStep > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{Stage} stopped at step {forwarder.LastStep}, resume with the same command")
            : $"{Stage} stopped, resume with the same command";

        // A terminal's Ctrl-C reaches the engine itself, too, at times before MSBuild has told us.
        if (_cancelled.WaitOne(TimeSpan.FromSeconds(1)))
        {
            forwarder.Keep($"{Codes.Stopped.Id}: {text}");
        }
        else
        {
            Log.LogError(null, Codes.Stopped.Id, null, null, ProjectFile, 0, 0, 0, 0, text);
        }

        return false;
    }
}
