namespace FineTuneTool.Engine.Training;

/// <summary>One line of metrics.csv. What was not measured at this step is null and stays empty in the file.</summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Epoch">Passes over the data done; a fraction inside an epoch.</param>
/// <param name="Loss">Mean over the steps since the last logged loss of each step's mean loss per supervised token, in nats.</param>
/// <param name="EvalLoss">Mean loss per supervised token of the validation set, in nats.</param>
/// <param name="LearningRate">Rate of this step's update.</param>
/// <param name="GradNorm">L2 norm of this step's gradient before clipping.</param>
/// <param name="Tokens">Tokens the model has read in training so far.</param>
/// <param name="TokensPerSecond">Training speed since the last logged loss; the only column that differs from run to run.</param>
/// <param name="TokenAccuracy">Share of the supervised tokens since the last logged loss that had the largest logit; of the validation set in a line without loss.</param>
public sealed record MetricsRow(
    long Step,
    double Epoch,
    double? Loss,
    double? EvalLoss,
    double? LearningRate,
    double? GradNorm,
    long Tokens,
    double? TokensPerSecond,
    double? TokenAccuracy)
{
    /// <summary>Column names and values in file order, without the empty ones.</summary>
    public IReadOnlyDictionary<string, double> Values =>
        MetricsCsv.Columns.Zip(Cells).Where(cell => cell.Second is not null).ToDictionary(cell => cell.First, cell => cell.Second!.Value);

    internal double?[] Cells => [Step, Epoch, Loss, EvalLoss, LearningRate, GradNorm, Tokens, TokensPerSecond, TokenAccuracy];
}
