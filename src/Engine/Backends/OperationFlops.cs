namespace FineTuneTool.Engine.Backends;

/// <summary>
/// Floating point operations of the operations whose time is matrix products; a multiply-add is two. What is counted is what the result needs, whatever a
/// backend does in order to get it.
/// </summary>
public static class OperationFlops
{
    /// <summary><see cref="Backend.Linear"/> of <paramref name="tokens"/> rows.</summary>
    public static double Linear(long tokens, Tensor weight, LowRank? lowRank) =>
        2.0 * tokens * (weight.Shape.Count + (lowRank is null ? 0 : lowRank.A.Shape.Count + lowRank.B.Shape.Count));

    /// <summary><see cref="Backend.LinearBackward"/>: the gradients of input, weight and branch that are asked for.</summary>
    public static double LinearBackward(long tokens, Tensor weight, LowRank? lowRank, bool inputGradient, bool weightGradient)
    {
        double products = weight.Shape.Count * (Number(inputGradient) + Number(weightGradient));
        if (lowRank is not null)
        {
            bool a = lowRank.DA is not null, b = lowRank.DB is not null;
            products += lowRank.B.Shape.Count * (Number(inputGradient || a) + Number(b)) + lowRank.A.Shape.Count * (Number(inputGradient) + Number(a));
        }

        return 2.0 * tokens * products;

        static double Number(bool made) => made ? 1 : 0;
    }

    /// <summary>
    /// Forward attention of one document: two products over every visible pair of tokens, half of all pairs where no window is narrower. The backward
    /// pass takes <see cref="AttentionBackwardFactor"/> times as many (Dao et al. 2022: five products for two).
    /// </summary>
    public static double Attention(long length, AttentionShape shape)
    {
        double window = shape.Window > 0 ? Math.Min(shape.Window, length) : length;
        return 4.0 * shape.Heads * shape.HeadDim * (length * window - window * window / 2);
    }

    /// <summary>Backward operations for each forward operation of attention.</summary>
    public const double AttentionBackwardFactor = 2.5;

    /// <summary><see cref="Backend.CachedAttention"/> of new tokens behind <paramref name="past"/>.</summary>
    public static double CachedAttention(long tokens, long past, AttentionShape shape) =>
        Attention(past + tokens, shape) - Attention(past, shape);

    /// <summary><see cref="Backend.CrossEntropy"/>: the logits, and the gradients that are asked for.</summary>
    public static double CrossEntropy(long tokens, Tensor head, bool inputGradient, bool weightGradient) =>
        2.0 * tokens * head.Shape.Count * (1 + (inputGradient ? 1 : 0) + (weightGradient ? 1 : 0));
}
