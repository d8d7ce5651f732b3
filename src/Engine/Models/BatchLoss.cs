namespace FineTuneTool.Engine.Models;

/// <summary>Sums over the supervised tokens of one batch; nothing is divided.</summary>
/// <param name="LossSum">Σ weight · negative log-likelihood in nats.</param>
/// <param name="Correct">Tokens whose target had the largest logit.</param>
/// <param name="WeightSum">Σ weight: the number of supervised tokens where all weights are 1.</param>
public readonly record struct BatchLoss(double LossSum, long SupervisedTokens, long Correct, double WeightSum)
{
    /// <summary>Mean loss, in nats; NaN where nothing is supervised.</summary>
    public double Mean => LossSum / WeightSum;

    public static BatchLoss operator +(BatchLoss a, BatchLoss b) =>
        new(a.LossSum + b.LossSum, a.SupervisedTokens + b.SupervisedTokens, a.Correct + b.Correct, a.WeightSum + b.WeightSum);
}
