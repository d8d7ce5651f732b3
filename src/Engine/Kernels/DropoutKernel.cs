namespace FineTuneTool.Engine.Kernels;

/// <summary>Multiplies runs of values by a <see cref="DropoutMask"/> that is regenerated from its random stream.</summary>
internal abstract unsafe class DropoutKernel
{
    /// <summary>values[i] = keep(first + i) ? values[i] · scale : 0.</summary>
    public abstract void Apply(in DropoutMask mask, ulong first, float* values, int count);
}
