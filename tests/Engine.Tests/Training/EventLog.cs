using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Tests.Training;

/// <summary>Keeps the events, and lets a test act on each as it comes.</summary>
internal sealed class EventLog(Action<EngineEvent>? onEvent = null) : IEventSink
{
    private readonly List<EngineEvent> _events = [];

    public IReadOnlyList<EngineEvent> Events => _events;

    public IEnumerable<Diagnostic> Diagnostics => _events.OfType<DiagnosticEvent>().Select(diagnostic => diagnostic.Diagnostic);

    public void Emit(EngineEvent engineEvent)
    {
        _events.Add(engineEvent);
        onEvent?.Invoke(engineEvent);
    }
}
