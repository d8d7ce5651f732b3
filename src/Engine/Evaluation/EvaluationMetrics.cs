namespace FineTuneTool.Engine.Evaluation;

/// <summary>How well a model predicts the supervised tokens of a data set. Means are over tokens, not over rows.</summary>
/// <param name="Loss">Mean negative log-likelihood of a supervised token in nats.</param>
/// <param name="TokenAccuracy">Share of supervised tokens that had the largest score, 0 … 1.</param>
/// <param name="SupervisedTokens">Tokens that the means are over.</param>
/// <param name="Rows">Rows of the data set.</param>
public sealed record EvaluationMetrics(double Loss, double TokenAccuracy, long SupervisedTokens, int Rows)
{
    /// <summary>e to the loss: among how many equally likely tokens the model is undecided.</summary>
    public double Perplexity => Math.Exp(Loss);
}

/// <summary>One split of the data, measured before and after training.</summary>
/// <param name="Split"><c>validation</c> or <c>test</c>.</param>
public sealed record SplitComparison(string Split, EvaluationMetrics Base, EvaluationMetrics Tuned)
{
    /// <summary>Nats a token that training gained; negative where the tuned model is worse.</summary>
    public double LossImprovement => Base.Loss - Tuned.Loss;
}
