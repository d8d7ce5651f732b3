using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Dot products of one vector with stored rows, straight from the stored bytes: no decoded number goes through memory.
/// Activations and sums are single precision; a row's dot has the same bits whichever rows are asked for together with it.
/// </summary>
internal abstract unsafe class StoredDotKernel
{
    public abstract ElementType Type { get; }

    /// <summary>Floats of a vector as <see cref="Dots"/> takes it; 0 = it takes the vector itself.</summary>
    public virtual int PreparedFloats(int depth) => 0;

    /// <summary>Brings a vector into the order in which the bytes of a row give their numbers; done once for all rows.</summary>
    /// <param name="depth">Elements of the vector: whole blocks.</param>
    public virtual void Prepare(float* x, int depth, float* prepared) => throw new NotSupportedException($"Vectors for {Type} are taken as they are.");

    /// <summary>dots[i] = x · row i, rows rowBytes apart.</summary>
    public abstract void Dots(byte* rows, long rowBytes, int count, float* x, int depth, float* dots);
}
