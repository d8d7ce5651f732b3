namespace FineTuneTool.Engine.Kernels;

/// <summary>Where a product of BF16 numbers goes: to BF16 rows (rounded once, after bias and addend), or to F32 rows.</summary>
internal unsafe struct PairTarget
{
    /// <summary>BF16 rows, or null.</summary>
    public ushort* Narrow;

    /// <summary>F32 rows where <see cref="Narrow"/> is null.</summary>
    public float* Wide;

    /// <summary>Elements from row to row.</summary>
    public long Step;

    /// <summary>Added to each BF16 output; rows as in the target, which it may be. Null: nothing.</summary>
    public ushort* Addend;

    /// <summary>F32 outputs are added to.</summary>
    public bool Accumulate;

    /// <summary>(columns), or null.</summary>
    public float* Bias;
}
