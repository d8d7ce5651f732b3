namespace FineTuneTool.Engine.Kernels;

internal sealed unsafe class VectorMathScalar : VectorMathKernel
{
    public override void Add(float* target, float* source, float factor, long count)
    {
        for (long i = 0; i < count; i++)
        {
            target[i] += factor * source[i];
        }
    }

    public override void Scale(float* target, float factor, long count)
    {
        for (long i = 0; i < count; i++)
        {
            target[i] *= factor;
        }
    }

    public override void SoftCap(float* target, float cap, long count)
    {
        for (long i = 0; i < count; i++)
        {
            target[i] = cap * MathF.Tanh(target[i] / cap);
        }
    }

    public override float Dot(float* a, float* b, long count)
    {
        float sum = 0;
        for (long i = 0; i < count; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }

    public override double SumOfSquares(float* a, long count)
    {
        double sum = 0;
        for (long i = 0; i < count; i++)
        {
            sum += (double)a[i] * a[i];
        }

        return sum;
    }
}
