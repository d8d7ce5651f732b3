using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Evaluation;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Evaluation;

public class QualityGateTests
{
    private static readonly SplitComparison Validation = new("validation", new EvaluationMetrics(2.5, 0.4, 100, 10), new EvaluationMetrics(2, 0.5, 100, 10));

    [Theory]
    [InlineData("EvalLoss", 2)]
    [InlineData("Perplexity", 7.38905609893065)]
    [InlineData("TokenAccuracy", 0.5)]
    [InlineData("LossImprovement", 0.5)]
    public void A_metric_comes_from_the_validation_split(string metric, double value)
    {
        Assert.Equal(value, Gate(metric, max: "100").Check([Validation]).Value!.Value, 12);
    }

    [Fact]
    public void A_test_metric_comes_from_the_test_split()
    {
        var test = Validation with { Split = "test", Tuned = new EvaluationMetrics(3, 0.1, 5, 1) };
        Assert.Equal(3, Gate("TestLoss", max: "9").Check([Validation, test]).Value);
        Assert.Equal(-0.5, Gate("TestLossImprovement", min: "-1").Check([Validation, test]).Value);
    }

    [Theory]
    [InlineData(null, "2", true)]
    [InlineData(null, "1.999", false)]
    [InlineData("2", null, true)]
    [InlineData("2.001", null, false)]
    [InlineData("1", "3", true)]
    public void Limits_include_themselves(string? min, string? max, bool passed)
    {
        Assert.Equal(passed, Gate("evalloss", min, max).Check([Validation]).Passed);
    }

    [Fact]
    public void A_value_that_is_not_a_number_fails()
    {
        var broken = Validation with { Tuned = new EvaluationMetrics(double.NaN, 0, 1, 1) };
        Assert.False(Gate("EvalLoss", max: "5").Check([broken]).Passed);
        Assert.False(Gate("EvalLoss", min: "5").Check([broken]).Passed);
    }

    [Fact]
    public void A_failed_gate_is_FT0007_at_its_place_after_the_others_were_told()
    {
        GateResult[] results = [Gate("EvalLoss", max: "1.8").Check([Validation]), Gate("TestLoss", max: "1", severity: "warning").Check([Validation]), Gate("TokenAccuracy", min: "0.9").Check([Validation])];
        var events = new RecordingEvents();
        Diagnostic thrown = Assert.Throws<FineTuneException>(() => QualityGates.Enforce(results, events)).Diagnostic;
        Assert.Equal("a.finetune(7,3): error FT0007: EvalLoss is 2 but must be at most 1.8. Look at report.html; train longer, on more or better data, or change the gate.", thrown.ToString());
        Assert.Equal([Severity.Warning, Severity.Error], events.Diagnostics.Select(diagnostic => diagnostic.Severity));
        Assert.Contains("no test rows", events.Diagnostics.First().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_gate_with_severity_warning_does_not_stop()
    {
        var events = new RecordingEvents();
        QualityGates.Enforce([Gate("EvalLoss", max: "1", severity: "warning").Check([Validation]), Gate("EvalLoss", max: "3").Check([Validation])], events);
        Assert.Equal(Codes.QualityGateFailed, Assert.Single(events.Diagnostics).Code);
    }

    [Theory]
    [InlineData("EvalLos", null, "1", "error", "Did you mean EvalLoss?")]
    [InlineData("Beauty", null, "1", "error", "TestLossImprovement")]
    [InlineData("EvalLoss", null, null, "error", "at least one limit")]
    [InlineData("EvalLoss", "low", null, "error", "Give a number")]
    [InlineData("EvalLoss", "3", "2", "error", "Exchange")]
    [InlineData("EvalLoss", null, "2", "fatal", "error or warning")]
    public void A_wrong_gate_is_FT0001_that_says_what_would_be_right(string metric, string? min, string? max, string severity, string remedy)
    {
        Diagnostic diagnostic = Assert.Throws<FineTuneException>(() => Gate(metric, min, max, severity)).Diagnostic;
        Assert.Equal((Codes.BadSetting, 7), (diagnostic.Code, diagnostic.Position.Line));
        Assert.Contains(remedy, diagnostic.Remedy, StringComparison.Ordinal);
    }

    private static QualityGate Gate(string metric, string? min = null, string? max = null, string? severity = null)
    {
        var metadata = new Dictionary<string, string> { ["Min"] = min ?? "", ["Max"] = max ?? "", ["Severity"] = severity ?? "" };
        return QualityGate.Parse(new ProjectItem("QualityGate", metric, null, metadata, "a.finetune", 7, 3));
    }
}
