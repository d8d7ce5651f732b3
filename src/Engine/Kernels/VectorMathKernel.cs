namespace FineTuneTool.Engine.Kernels;

/// <summary>Arithmetic over flat arrays of floats.</summary>
internal abstract unsafe class VectorMathKernel
{
    /// <summary>target += factor · source.</summary>
    public abstract void Add(float* target, float* source, float factor, long count);

    public abstract void Scale(float* target, float factor, long count);

    /// <summary>target = cap·tanh(target/cap).</summary>
    public abstract void SoftCap(float* target, float cap, long count);

    /// <summary>Σ a·b in single precision, in an order that depends on count alone.</summary>
    public abstract float Dot(float* a, float* b, long count);

    /// <summary>Σ a² in double.</summary>
    public abstract double SumOfSquares(float* a, long count);
}
