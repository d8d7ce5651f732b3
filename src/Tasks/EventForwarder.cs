using System.Globalization;
using FineTuneTool.Engine.Protocol;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace FineTuneTool.Tasks;

/// <summary>
/// Relays the engine's lines to MSBuild: diagnostics as errors and warnings with their place, progress at a bearable rate, milestones at once.
/// </summary>
/// <param name="terminal">True where somebody looks at a terminal: progress replaces itself there, and is a line of a log elsewhere.</param>
internal sealed class EventForwarder(TaskLoggingHelper log, IBuildEngine engine, string projectFile, bool live, bool terminal, TimeProvider time)
{
    /// <summary>What the trainer calls its steps.</summary>
    private const string TrainActivity = "train";

    private readonly TimeSpan _pause = live && terminal ? TimeSpan.FromMilliseconds(250) : TimeSpan.FromSeconds(10);
    private readonly string _projectName = Path.GetFileNameWithoutExtension(projectFile);
    private long? _lastShown;
    private HostLine? _held;

    /// <summary>The line that ended the stage; null until it came.</summary>
    public HostLine? Result { get; private set; }

    public bool HasErrors { get; private set; }

    /// <summary>The newest step of training; 0 before the first.</summary>
    public long LastStep { get; private set; }

    public void Forward(string text)
    {
        if (HostLine.TryParse(text) is not { } line)
        {
            log.LogMessage(MessageImportance.Low, "{0}", text);
            return;
        }

        switch (line.Type)
        {
            case "progress":
                LastStep = line.Activity == TrainActivity ? line.Done ?? 0 : LastStep;
                Show(line);
                break;
            case "metric":
                // What a person wants of it stands in the progress; the whole row is for a detailed log, and in metrics.csv.
                log.LogMessage(MessageImportance.Normal, "{0}", Describe(line));
                break;
            case "milestone":
                ShowHeld();
                Keep(line.Text ?? "");
                break;
            case "diagnostic":
                ShowHeld();
                Report(line);
                break;
            case "result":
                ShowHeld();
                Result = line;
                break;
            default:
                log.LogMessage(MessageImportance.Low, "{0}", text);
                break;
        }
    }

    /// <summary>A line that stays in the log and on the terminal.</summary>
    public void Keep(string text)
    {
        if (live)
        {
            engine.LogMessageEvent(LiveMessages.Line(text));
        }
        else
        {
            log.LogMessage(MessageImportance.High, "{0}", text);
        }
    }

    private void Show(HostLine line)
    {
        _held = line;
        bool isLast = line.Total > 0 && line.Done == line.Total;
        if (isLast || _lastShown is not { } shown || time.GetElapsedTime(shown) >= _pause)
        {
            ShowHeld();
        }
    }

    /// <summary>The newest line that the rate held back, so that the last numbers of a run are never lost.</summary>
    private void ShowHeld()
    {
        if (_held is not { } line)
        {
            return;
        }

        _held = null;
        _lastShown = time.GetTimestamp();
        string left = Count(line), right = line.Detail ?? "";
        string text = $"{_projectName} {left} {right}".TrimEnd();
        if (live)
        {
            engine.LogMessageEvent(LiveMessages.Progress(text, left, right));
        }
        else
        {
            log.LogMessage(MessageImportance.High, "{0}", text);
        }
    }

    /// <summary>How far it is, where the detail does not say it already.</summary>
    private static string Count(HostLine line) =>
        line.Total > 0 ? string.Create(CultureInfo.InvariantCulture, $"{line.Activity} {line.Done}/{line.Total}")
        : line.Detail is { Length: > 0 } ? line.Activity ?? ""
        : string.Create(CultureInfo.InvariantCulture, $"{line.Activity} {line.Done}");

    private static string Describe(HostLine metric) => string.Create(CultureInfo.InvariantCulture, $"step {metric.Step}: ") + string.Join(", ",
        (metric.Values ?? new Dictionary<string, double>()).Where(value => value.Key != "step").Select(value => string.Create(CultureInfo.InvariantCulture, $"{value.Key} {value.Value:G4}")));

    private void Report(HostLine line)
    {
        string text = $"{line.Message} {line.Remedy}".Trim();
        string file = line.File ?? projectFile;
        int row = line.Line ?? 0, column = line.Column ?? 0;
        switch (line.Severity)
        {
            case "error":
                HasErrors = true;
                log.LogError(null, line.Code, null, line.HelpLink, file, row, column, 0, 0, text);
                break;
            case "warning":
                log.LogWarning(null, line.Code, null, line.HelpLink, file, row, column, 0, 0, text);
                break;
            default:
                log.LogMessage(null, line.Code, null, file, row, column, 0, 0, MessageImportance.High, text);
                break;
        }
    }
}
