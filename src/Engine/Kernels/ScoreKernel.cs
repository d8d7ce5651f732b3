namespace FineTuneTool.Engine.Kernels;

/// <summary>Softmax over the visible keys of attention and its gradient, for scores in F32 and products of BF16. Dao et al. 2022.</summary>
internal abstract unsafe class ScoreKernel
{
    /// <summary>Score of a key that is not visible: far below any real one, yet finite, so that a row without any visible key makes no NaN.</summary>
    public const float Hidden = -1e30f;

    /// <summary>Exponentials are taken to base 2.</summary>
    public const float Log2E = 1.44269504f;

    /// <summary>One block of keys of the forward pass. The scale is above 0 unless there is a cap.</summary>
    public abstract void Softmax(in ScoreRows rows, in SoftmaxState state);

    /// <summary>One block of keys of the backward pass.</summary>
    public abstract void Gradients(in ScoreRows rows, in ScoreGradients gradients);

    /// <summary>Σ a·b of BF16 numbers in F32, in an order that depends on count alone.</summary>
    public abstract float Dot(ushort* a, ushort* b, int count);
}
