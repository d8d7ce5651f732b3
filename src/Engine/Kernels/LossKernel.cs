namespace FineTuneTool.Engine.Kernels;

/// <summary>Cross-entropy of one row of logits.</summary>
internal abstract unsafe class LossKernel
{
    /// <summary>
    /// Returns the negative log-likelihood of <paramref name="target"/> in nats under softmax(cap(logits)), cap(z) = softCap·tanh(z/softCap), 0 = none.
    /// correct: the target has the largest logit and no lower id has the same. With <paramref name="gradient"/> the logits are
    /// overwritten with the loss's gradient with respect to the uncapped logits.
    /// </summary>
    public abstract float Loss(float* logits, int count, int target, float softCap, bool gradient, out bool correct);
}
