using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Stages;

namespace FineTuneTool.Tool.Commands;

/// <summary>Writes the engine's events as JSON lines, one flushed line each. A reader that is gone does not stop the work.</summary>
internal sealed class HostLines(TextWriter output) : IEventSink
{
    private bool _readerGone;

    public static HostLine Of(StageResult result) => new("result")
    {
        Status = result.Status switch { StageStatus.Done => "done", StageStatus.UpToDate => "upToDate", _ => "stopped" },
        Folder = result.Folder,
        Outputs = result.Outputs,
        Seconds = Math.Round(result.Seconds, 3),
    };

    public void Emit(EngineEvent engineEvent) => Write(engineEvent switch
    {
        ProgressEvent progress => new HostLine("progress") { Activity = progress.Activity, Done = progress.Done, Total = progress.Total, Detail = progress.Detail },
        MetricEvent metric => new HostLine("metric") { Step = metric.Step, Values = metric.Values.Where(value => double.IsFinite(value.Value)).ToDictionary() },
        MilestoneEvent milestone => new HostLine("milestone") { Text = milestone.Text },
        DiagnosticEvent { Diagnostic: var diagnostic } => Of(diagnostic),
        _ => throw new ArgumentOutOfRangeException(nameof(engineEvent), engineEvent, null),
    });

    public void Write(HostLine line)
    {
        if (_readerGone)
        {
            return;
        }

        try
        {
            output.WriteLine(line.ToJson());
            output.Flush();
        }
        catch (IOException)
        {
            _readerGone = true;
        }
    }

    private static HostLine Of(Diagnostic diagnostic) => new("diagnostic")
    {
        Code = diagnostic.Code.Id,
        Severity = diagnostic.Severity.ToString().ToLowerInvariant(),
        Message = diagnostic.Message,
        Remedy = diagnostic.Remedy,
        File = diagnostic.Position.File,
        Line = diagnostic.Position.Line,
        Column = diagnostic.Position.Column,
    };
}
