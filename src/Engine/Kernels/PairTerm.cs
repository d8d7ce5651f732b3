namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// One product of a sum of products of BF16 numbers, left (rows, depth) times right (depth, columns):
/// right[k, n] = Scale · Right[k, n], or Scale · Right[n, k] where transposed, rounded to BF16.
/// </summary>
internal unsafe struct PairTerm
{
    public ushort* Left;

    /// <summary>Elements from row to row.</summary>
    public long LeftStep;

    /// <summary>First k of the sum; both operands are addressed from k = 0.</summary>
    public int Start;

    /// <summary>Number of k.</summary>
    public int Depth;

    public WeightMatrix Right;

    public bool RightTransposed;

    public float Scale;

    /// <summary>Of a second term: applied to its product (rows, columns) before that is added.</summary>
    public DropoutMask ProductMask;
}
