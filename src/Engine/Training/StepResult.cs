namespace FineTuneTool.Engine.Training;

/// <summary>What one optimizer step measured.</summary>
/// <param name="Loss">Mean loss per supervised token of the whole accumulation window, in nats.</param>
/// <param name="GradNorm">L2 norm of the gradient of <paramref name="Loss"/>, before clipping.</param>
/// <param name="LearningRate">Rate of the update.</param>
/// <param name="Correct">Supervised tokens whose target had the largest logit.</param>
public sealed record StepResult(double Loss, double GradNorm, double LearningRate, long Tokens, long SupervisedTokens, long Correct);
