using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>The quality gates of a project together.</summary>
public static class QualityGates
{
    /// <summary>
    /// Sends FT0007 for each gate that failed to <paramref name="events"/>, except the first with severity error: that one is thrown, after the others were sent.
    /// </summary>
    /// <exception cref="FineTuneException">FT0007: a gate with severity error failed.</exception>
    public static void Enforce(IReadOnlyList<GateResult> results, IEventSink events)
    {
        List<Diagnostic> failures = [.. results.Where(result => !result.Passed).Select(result => result.ToDiagnostic())];
        Diagnostic? first = failures.Find(failure => failure.Severity == Severity.Error);
        foreach (Diagnostic failure in failures.Where(failure => failure != first))
        {
            events.Report(failure);
        }

        if (first is not null)
        {
            throw new FineTuneException(first);
        }
    }
}
