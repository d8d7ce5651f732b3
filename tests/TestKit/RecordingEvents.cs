using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.TestKit;

/// <summary>An event sink that keeps everything.</summary>
public sealed class RecordingEvents : IEventSink
{
    public List<EngineEvent> Events { get; } = [];

    public IEnumerable<Diagnostic> Diagnostics => Events.OfType<DiagnosticEvent>().Select(e => e.Diagnostic);

    public IEnumerable<string> Milestones => Events.OfType<MilestoneEvent>().Select(e => e.Text);

    public void Emit(EngineEvent engineEvent) => Events.Add(engineEvent);
}
