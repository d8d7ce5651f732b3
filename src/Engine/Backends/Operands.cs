namespace FineTuneTool.Engine.Backends;

/// <summary>
/// The low-rank branch of a linear layer: y += Scale · (dropout(x)·Aᵀ)·Bᵀ. A (R, K), B (N, R), F32.
/// <paramref name="Product"/> (T, R), of the type of x, receives dropout(x)·Aᵀ in the forward pass and is read in the backward pass.
/// </summary>
public sealed record LowRank(Tensor A, Tensor B, float Scale, Tensor Product)
{
    /// <summary>Gradient of A (R, K), added to; null where A is frozen.</summary>
    public Tensor? DA { get; init; }

    /// <summary>Gradient of B (N, R), added to; null where B is frozen.</summary>
    public Tensor? DB { get; init; }

    /// <summary>The (T, R) space for the gradient of <see cref="Product"/>; needed by the backward pass only.</summary>
    public Tensor? DProduct { get; init; }

    public Dropout Dropout { get; init; }
}

/// <summary>One of several linear layers with the same input (T, K): weight (N, K) in any storage, bias F32 (N), y (T, N).</summary>
public readonly record struct LinearOperands(Tensor Weight, Tensor? Bias, LowRank? LowRank, Tensor Y);

/// <summary>
/// Inverted dropout of an input (T, K): element (t, k) is kept where CounterRandom(Seed, Dropout, Stream).UInt16(t·K + k) ≥ Probability·2¹⁶
/// and then divided by 1 − Probability. The default does nothing.
/// </summary>
public readonly record struct Dropout(float Probability, ulong Seed, ulong Stream)
{
    public bool IsActive => Probability > 0;
}

/// <summary>How attention reads its operands. Query rows are (T, Heads·HeadDim), keys and values (T, KeyValueHeads·HeadDim).</summary>
/// <param name="Scale">Factor on the dot products, usually 1/√HeadDim.</param>
/// <param name="Window">Key j is visible from i iff i − Window &lt; j ≤ i; 0 = no window.</param>
/// <param name="SoftCap">c·tanh(score/c) before the softmax; 0 = none.</param>
public sealed record AttentionShape(int Heads, int KeyValueHeads, int HeadDim, float Scale, int Window = 0, float SoftCap = 0);

/// <summary>The activation of a gated feed-forward layer: f(gate)·up.</summary>
public enum Activation
{
    Silu,
    GeluTanh,
}

/// <summary>
/// One AdamW update (decoupled weight decay, Loshchilov and Hutter 2019), exactly as torch does it: the
/// factors that are the same for all elements are computed in double. Step counts from 1.
/// </summary>
public readonly record struct AdamWStep(double LearningRate, double Beta1, double Beta2, double Epsilon, double WeightDecay, long Step);

/// <summary>One step of gradient descent with momentum, as torch.optim.SGD does it: weight decay is added to the gradient. Step counts from 1.</summary>
public readonly record struct SgdStep(double LearningRate, double Momentum, double WeightDecay, long Step);

/// <summary>One Lion update with decoupled weight decay (Chen et al. 2023).</summary>
public readonly record struct LionStep(double LearningRate, double Beta1, double Beta2, double WeightDecay);

/// <summary>
/// One Adafactor update (Shazeer and Stern 2018) at a given rate, without a first moment, with decoupled weight decay: the second moments decay by
/// 1 − step^−0.8, and an update is scaled down to a root mean square of 1. Step counts from 1.
/// </summary>
public readonly record struct AdafactorStep(double LearningRate, double WeightDecay, long Step);
