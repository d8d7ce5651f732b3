namespace FineTuneTool.Engine.Kernels;

/// <summary>Numbers between F32 and BF16 (rounded to nearest, ties to even), alone and in pairs; every form gives the same bits.</summary>
internal abstract unsafe class BFloat16Kernel
{
    public abstract void Widen(ushort* source, float* target, long count);

    public abstract void Narrow(float* source, ushort* target, long count);

    /// <summary>even[i] and odd[i] = lower and upper half of pairs[i].</summary>
    public abstract void Split(uint* pairs, float* even, float* odd, long count);

    /// <summary>pairs[i] = even[i] in the lower half, odd[i] in the upper one.</summary>
    public abstract void Interleave(float* even, float* odd, uint* pairs, long count);

    /// <summary>As <see cref="Interleave(float*, float*, uint*, long)"/> of BF16 numbers.</summary>
    public abstract void Interleave(ushort* even, ushort* odd, uint* pairs, long count);

    /// <summary>pairs[p·width + n] = number n of row 2p in the lower half, of row 2p + 1 in the upper one, for n &lt; columns, 0 up to width; rows are step elements apart.</summary>
    public abstract void InterleaveRows(ushort* rows, long step, long count, int columns, uint* pairs, int width);

    /// <summary>target (rows, columns) = sums + bias (columns, may be null) + addend (may be null; rows as in target, which it may be).</summary>
    public abstract void Finish(
        float* sums, long sumsStep, int rows, int columns, float* bias, ushort* addend, ushort* target, long targetStep);

    /// <summary>target (rows, columns) = or += sums + bias (columns, may be null), all F32.</summary>
    public abstract void FinishWide(
        float* sums, long sumsStep, int rows, int columns, float* bias, bool accumulate, float* target, long targetStep);
}
