using System.Diagnostics;
using Microsoft.Build.Framework;
using Task = Microsoft.Build.Utilities.Task;

namespace FineTuneTool.Tasks;

/// <summary>Runs <c>finetune chat</c> on the input and output of the build itself.</summary>
public sealed class RunChat : Task, ICancelableTask
{
    private Process? _process;

    /// <summary>Path of the engine host's finetune.dll.</summary>
    [Required]
    public string Host { get; set; } = "";

    /// <summary>Full path of the .finetune file.</summary>
    [Required]
    public string ProjectFile { get; set; } = "";

    public void Cancel()
    {
        try
        {
            _process?.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
    }

    public override bool Execute()
    {
        var start = new ProcessStartInfo(DotNetHost.Path, ["exec", Host, "chat", "--project", ProjectFile]) { WorkingDirectory = Path.GetDirectoryName(ProjectFile)! };
        using Process process = _process = Process.Start(start)!;
        process.WaitForExit();
        _process = null;
        if (process.ExitCode != 0)
        {
            Log.LogError(null, null, null, null, ProjectFile, 0, 0, 0, 0, $"The chat ended with exit code {process.ExitCode}; see its message above.");
        }

        return process.ExitCode == 0;
    }
}
