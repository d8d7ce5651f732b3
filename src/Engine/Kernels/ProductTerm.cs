namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// One product of a sum of products, left (rows, depth) times right (depth, columns):
/// left[m, k] = Scale · Left[m·LeftStride + k], or Left[k·LeftStride + m] where transposed;
/// right[k, n] = Right[k, n], or Right[n, k] where transposed. A mask applies to an operand as it is stored.
/// </summary>
internal unsafe struct ProductTerm
{
    /// <summary>First k of the sum; both operands are addressed from k = 0.</summary>
    public int Start;

    /// <summary>Number of k.</summary>
    public int Depth;

    public float* Left;

    public long LeftStride;

    public bool LeftTransposed;

    public float Scale;

    /// <summary>Left has not been written since the product before this one: where that packed the same operand as its first, it stays packed.</summary>
    public bool LeftUnchanged;

    public DropoutMask LeftMask;

    public WeightMatrix Right;

    public bool RightTransposed;

    public DropoutMask RightMask;
}
