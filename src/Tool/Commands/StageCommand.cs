using System.CommandLine;
using System.Text.Json;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Stages;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>
/// The engine host: runs one stage of a project for the build and says what happens as JSON lines (<see cref="HostLine"/>).
/// The line "stop" on standard input, or its end, means: checkpoint and end.
/// </summary>
internal sealed class StageCommand : Verb
{
    private readonly Argument<string> _name = new("name") { Description = $"One of {string.Join(", ", StageList.All.Select(stage => stage.Name))}" };
    private readonly Argument<string> _request = new("request") { Description = "The project's request.json" };

    public StageCommand() : base("stage", "Runs one stage of a project; used by the build")
    {
        Add(_name);
        Add(_request);
    }

    public override int Run(ParseResult parsed, ToolConsole console, CancellationToken cancellation)
    {
        string name = parsed.GetRequiredValue(_name);
        if (StageList.Find(name) is not { } stage)
        {
            console.Error.WriteLine($"There is no stage {name}. Stages: {string.Join(", ", StageList.All.Select(known => known.Name))}.");
            return ExitCodes.WrongUsage;
        }

        // A terminal sends its interruption to the whole group of processes; ours ends at the next step, however often it is pressed.
        Console.CancelKeyPress += (_, press) => press.Cancel = true;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var listener = new Thread(() => Listen(console.In, stop)) { IsBackground = true, Name = "standard input" };
        listener.Start();

        var lines = new HostLines(console.Out);
        try
        {
            ProjectRequest request = Read(parsed.GetRequiredValue(_request));
            StageResult result = StageRunner.Run(stage, new StageContext(request, lines, stop.Token));
            lines.Write(HostLines.Of(result));
            return result.Status == StageStatus.Stopped ? ExitCodes.Stopped : ExitCodes.Done;
        }
        catch (OperationCanceledException)
        {
            lines.Write(new HostLine("result") { Status = "stopped" });
            return ExitCodes.Stopped;
        }
        catch (FineTuneException exception)
        {
            lines.Report(exception.Diagnostic);
        }
        catch (Exception exception)
        {
            console.Error.WriteLine(exception);
            lines.Report(new Diagnostic(Codes.Internal, $"The stage {name} met something that it does not handle: {exception.GetType().Name}: {exception.Message.ReplaceLineEndings(" ")}",
                "Please report it together with the engine's log, which lies beside the stage's request."));
        }

        lines.Write(new HostLine("result") { Status = "failed" });
        return ExitCodes.Failed;
    }

    private static ProjectRequest Read(string path)
    {
        try
        {
            ProjectRequest request = ProjectRequest.Read(path);
            return request.FormatVersion == ProjectRequest.CurrentFormatVersion ? request : throw new JsonException(
                $"its format version is {request.FormatVersion}, this engine reads {ProjectRequest.CurrentFormatVersion}");
        }
        catch (Exception exception) when (exception is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new FineTuneException(Codes.FileUnreadable, $"The request {path} cannot be read: {exception.Message}",
                "Let the build write it; do not mix versions of the SDK and the command.", inner: exception);
        }
    }

    private static void Listen(TextReader input, CancellationTokenSource stop)
    {
        while (input.ReadLine() is string line)
        {
            if (line.Trim() == "stop")
            {
                break;
            }
        }

        try
        {
            stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The stage has ended already.
        }
    }
}
