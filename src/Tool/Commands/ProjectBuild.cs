using System.Diagnostics;
using System.Text.Json;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Stages;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>Brings a project's prepared data up to date, as <c>dotnet build</c> does, which does nothing where they are already.</summary>
internal static class ProjectBuild
{
    /// <summary>Builds a project; what the build prints goes to standard error.</summary>
    /// <param name="project">Full path of the .finetune file.</param>
    /// <param name="settings">NAME=VALUE, as with -p: of the build.</param>
    /// <returns>What the project asks of the stage that prepares data.</returns>
    /// <exception cref="FineTuneException">FT0008: the build failed, or is none of ours.</exception>
    public static ProjectRequest Run(string project, IReadOnlyList<string> settings, ToolConsole console, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, WorkingDirectory = Path.GetDirectoryName(project) };
        foreach (string argument in (string[])["msbuild", project, "-restore", "-nologo", "-verbosity:quiet", .. settings.Select(Property)])
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        using CancellationTokenRegistration stop = cancellation.Register(() => process.Kill(entireProcessTree: true));
        while (process.StandardOutput.ReadLine() is { } line)
        {
            console.Error.WriteLine(line);
        }

        process.WaitForExit();
        cancellation.ThrowIfCancellationRequested();
        return process.ExitCode == 0 ? Request(project) : throw new FineTuneException(
            Codes.UpstreamMissing, $"{Path.GetFileName(project)} does not build.", "Put right what the build says; the prepared data are needed.", new SourcePosition(project));
    }

    private static ProjectRequest Request(string project)
    {
        try
        {
            return ProjectRequest.Read(Path.Combine(ProjectResults.ObjFolder(project), "preprocess", "request.json"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new FineTuneException(Codes.UpstreamMissing, $"The build of {Path.GetFileName(project)} prepares no data: {exception.Message}",
                "Its first line must name the SDK: <Project Sdk=\"FineTuneTool.Sdk/VERSION\">; results are looked for in obj beside it.", new SourcePosition(project), exception);
        }
    }

    /// <summary>The build cuts a list of properties at semicolons and commas.</summary>
    private static string Property(string setting) =>
        $"-p:{setting.Replace("%", "%25", StringComparison.Ordinal).Replace(";", "%3B", StringComparison.Ordinal).Replace(",", "%2C", StringComparison.Ordinal)}";
}
