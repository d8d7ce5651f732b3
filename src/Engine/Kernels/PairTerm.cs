namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// One product of a sum of products of BF16 numbers, left (rows, depth) times right (depth, columns):
/// right[k, n] = Scale · Right[k, n], or Scale · Right[n, k] where transposed, rounded to BF16. A mask applies to Right as it is stored.
/// </summary>
internal unsafe struct PairTerm
{
    public ushort* Left;

    /// <summary>Elements from row to row.</summary>
    public long LeftStep;

    public int Depth;

    public WeightMatrix Right;

    public bool RightTransposed;

    public float Scale;

    public DropoutMask RightMask;
}
