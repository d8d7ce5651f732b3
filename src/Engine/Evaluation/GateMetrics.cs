namespace FineTuneTool.Engine.Evaluation;

/// <summary>A number that a quality gate can ask for: its name in the project file and how it comes from the measured splits.</summary>
/// <param name="Value">Null where the split was not measured.</param>
public sealed record GateMetric(string Name, string Meaning, string Split, Func<SplitComparison, double> Value);

/// <summary>The numbers that quality gates know. One line each.</summary>
public static class GateMetrics
{
    public const string Validation = "validation";
    public const string Test = "test";

    public static IReadOnlyList<GateMetric> All { get; } =
    [
        new("EvalLoss", "Loss of the tuned model on the validation rows", Validation, split => split.Tuned.Loss),
        new("Perplexity", "Perplexity of the tuned model on the validation rows", Validation, split => split.Tuned.Perplexity),
        new("TokenAccuracy", "Share of supervised validation tokens that the tuned model would have said", Validation, split => split.Tuned.TokenAccuracy),
        new("LossImprovement", "Loss of the base model minus loss of the tuned model on the validation rows", Validation, split => split.LossImprovement),
        new("TestLoss", "Loss of the tuned model on the test rows", Test, split => split.Tuned.Loss),
        new("TestPerplexity", "Perplexity of the tuned model on the test rows", Test, split => split.Tuned.Perplexity),
        new("TestTokenAccuracy", "Share of supervised test tokens that the tuned model would have said", Test, split => split.Tuned.TokenAccuracy),
        new("TestLossImprovement", "Loss of the base model minus loss of the tuned model on the test rows", Test, split => split.LossImprovement),
    ];

    /// <summary>A metric by name, whatever the case; null where there is none.</summary>
    public static GateMetric? Find(string name) => All.FirstOrDefault(metric => string.Equals(metric.Name, name, StringComparison.OrdinalIgnoreCase));
}
