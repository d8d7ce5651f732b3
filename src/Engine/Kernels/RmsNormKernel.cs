namespace FineTuneTool.Engine.Kernels;

/// <summary>Root mean square norm of rows, y = x · r · (weight + offset), r = 1/√(mean(x²) + epsilon). Zhang and Sennrich 2019.</summary>
internal abstract unsafe class RmsNormKernel
{
    /// <summary>x, y (rows, columns); weight (columns); inverseRms (rows) receives r.</summary>
    public abstract void Forward(float* x, float* weight, float offset, float epsilon, float* y, float* inverseRms, long rows, int columns);

    /// <summary>dx += r · (g − x · r² · mean(g·x)) with g = dy · (weight + offset).</summary>
    public abstract void Backward(float* dy, float* x, float* weight, float offset, float* inverseRms, float* dx, long rows, int columns);

    /// <summary>dWeight[c] += Σ over rows, in order, of dy·x·r for columns first … first+count-1.</summary>
    public abstract void WeightGradient(float* dy, float* x, float* inverseRms, float* dWeight, long rows, int columns, int first, int count);
}
