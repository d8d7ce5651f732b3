namespace FineTuneTool.Engine.Diagnostics;

/// <summary>What the engine says while it works; a closed set that crosses the process border as JSON lines.</summary>
public abstract record EngineEvent;

/// <summary>How far the running work is: <paramref name="Done"/> of <paramref name="Total"/> units (0 = unknown total).</summary>
public sealed record ProgressEvent(string Activity, long Done, long Total, string Detail = "") : EngineEvent;

/// <summary>Named numbers at a training step, as they stand in metrics.csv.</summary>
public sealed record MetricEvent(long Step, IReadOnlyDictionary<string, double> Values) : EngineEvent;

/// <summary>Something a person wants to keep in the log: an evaluation, a checkpoint, why a stage runs again.</summary>
public sealed record MilestoneEvent(string Text) : EngineEvent;

/// <summary>A diagnostic that does not stop the work by itself, or the one that did.</summary>
public sealed record DiagnosticEvent(Diagnostic Diagnostic) : EngineEvent;

/// <summary>Receives events. Calls come from the thread that does the work, one at a time.</summary>
public interface IEventSink
{
    void Emit(EngineEvent engineEvent);
}

/// <summary>An event sink that forgets everything.</summary>
public sealed class NullEventSink : IEventSink
{
    public static readonly NullEventSink Instance = new();

    public void Emit(EngineEvent engineEvent)
    {
    }
}

public static class EventSinkExtensions
{
    public static void Milestone(this IEventSink sink, string text) => sink.Emit(new MilestoneEvent(text));

    public static void Report(this IEventSink sink, Diagnostic diagnostic) => sink.Emit(new DiagnosticEvent(diagnostic));

    public static void Report(this IEventSink sink, DiagnosticCode code, string message, string remedy, SourcePosition position = default) =>
        sink.Emit(new DiagnosticEvent(new Diagnostic(code, message, remedy, position)));
}
