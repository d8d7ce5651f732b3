using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>A limit that the tuned model must keep; written in the project as <c>&lt;QualityGate Include="EvalLoss" Max="1.8" /&gt;</c>.</summary>
/// <param name="Min">Smallest allowed value; null = none.</param>
/// <param name="Max">Largest allowed value; null = none.</param>
/// <param name="Severity">What a failure is: an error ends the build, a warning does not.</param>
/// <param name="Position">Where the gate stands in the project.</param>
public sealed record QualityGate(GateMetric Metric, double? Min, double? Max, Severity Severity = Severity.Error, SourcePosition Position = default)
{
    public const string ItemType = "QualityGate";

    /// <summary>Reads a gate from a project item.</summary>
    /// <exception cref="FineTuneException">FT0001: an unknown metric, no limit, or a limit that is no number.</exception>
    public static QualityGate Parse(ProjectItem item)
    {
        var position = new SourcePosition(item.File, item.Line, item.Column);
        GateMetric? metric = GateMetrics.Find(item.Include);
        if (metric is null)
        {
            string? nearest = Suggestion.Nearest(item.Include, GateMetrics.All.Select(known => known.Name));
            throw Wrong(
                $"There is no metric {item.Include} for a quality gate.",
                nearest is null ? $"Use one of {string.Join(", ", GateMetrics.All.Select(known => known.Name))}." : $"Did you mean {nearest}?",
                position);
        }

        double? min = Limit(item, "Min", position), max = Limit(item, "Max", position);
        if (min is null && max is null)
        {
            throw Wrong($"The quality gate {metric.Name} has neither Min nor Max.", "Give it at least one limit, such as Max=\"1.8\".", position);
        }

        if (min > max)
        {
            throw Wrong(
                $"The quality gate {metric.Name} can never pass: Min {SettingNumbers.Normalise(min.Value)} is above Max {SettingNumbers.Normalise(max.Value)}.",
                "Exchange the two limits or remove one.",
                position);
        }

        string severity = item.Get("Severity") ?? "error";
        return severity.ToLowerInvariant() switch
        {
            "error" => new QualityGate(metric, min, max, Severity.Error, position),
            "warning" => new QualityGate(metric, min, max, Severity.Warning, position),
            _ => throw Wrong($"The quality gate {metric.Name} has the Severity \"{severity}\".", "Use error or warning.", position),
        };
    }

    /// <summary>Compares the gate with what was measured.</summary>
    public GateResult Check(IReadOnlyList<SplitComparison> splits)
    {
        SplitComparison? split = splits.FirstOrDefault(split => split.Split == Metric.Split);
        double? value = split is null ? null : Metric.Value(split);

        // A comparison with a value that is not a number is false, which is a failure here.
        bool passed = value is { } number && (Min is null || number >= Min) && (Max is null || number <= Max) && !double.IsNaN(number);
        return new GateResult(this, value, passed);
    }

    private static double? Limit(ProjectItem item, string name, SourcePosition position) => item.Get(name) is not { } text ? null
        : SettingNumbers.Number(text) ?? throw Wrong($"The quality gate {item.Include} has the {name} \"{text}\".", "Give a number, such as 1.8 or 2e-1.", position);

    private static FineTuneException Wrong(string message, string remedy, SourcePosition position) => new(Codes.BadSetting, message, remedy, position);
}
