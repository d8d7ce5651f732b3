namespace FineTuneTool.Engine.Models;

/// <summary>Sums over the supervised tokens of one batch; nothing is divided.</summary>
/// <param name="LossSum">Σ negative log-likelihood in nats.</param>
/// <param name="Correct">Tokens whose target had the largest logit.</param>
public readonly record struct BatchLoss(double LossSum, long SupervisedTokens, long Correct)
{
    public static BatchLoss operator +(BatchLoss a, BatchLoss b) =>
        new(a.LossSum + b.LossSum, a.SupervisedTokens + b.SupervisedTokens, a.Correct + b.Correct);
}
