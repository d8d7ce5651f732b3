using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>A quality gate and what was measured for it; <paramref name="Value"/> is null where the project has no such split.</summary>
public sealed record GateResult(QualityGate Gate, double? Value, bool Passed)
{
    /// <summary>The limit in words, such as <c>at most 1.8</c>.</summary>
    public string Limit => string.Join(" and ", Limits());

    /// <summary>FT0007 for a gate that failed.</summary>
    public Diagnostic ToDiagnostic()
    {
        string name = Gate.Metric.Name;
        return Value is { } value
            ? new Diagnostic(
                Codes.QualityGateFailed,
                $"{name} is {SettingNumbers.Normalise(Math.Round(value, 4))} but must be {Limit}.",
                "Look at report.html; train longer, on more or better data, or change the gate.",
                Gate.Position,
                Gate.Severity)
            : new Diagnostic(
                Codes.QualityGateFailed,
                $"{name} was not measured: the project has no {Gate.Metric.Split} rows.",
                $"Add {Gate.Metric.Split} data (Split=\"{Gate.Metric.Split}\" or {(Gate.Metric.Split == GateMetrics.Test ? "TestSplitRatio" : "ValidationSplitRatio")}), or remove the gate.",
                Gate.Position,
                Gate.Severity);
    }

    private IEnumerable<string> Limits()
    {
        if (Gate.Min is { } min)
        {
            yield return $"at least {SettingNumbers.Normalise(min)}";
        }

        if (Gate.Max is { } max)
        {
            yield return $"at most {SettingNumbers.Normalise(max)}";
        }
    }
}
