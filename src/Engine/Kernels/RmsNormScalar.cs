namespace FineTuneTool.Engine.Kernels;

internal sealed unsafe class RmsNormScalar : RmsNormKernel
{
    public override void Forward(float* x, float* weight, float offset, float epsilon, float* y, float* inverseRms, long rows, int columns)
    {
        for (long row = 0; row < rows; row++, x += columns, y += columns)
        {
            float sum = 0;
            for (int c = 0; c < columns; c++)
            {
                sum += x[c] * x[c];
            }

            float r = 1 / MathF.Sqrt(sum / columns + epsilon);
            inverseRms[row] = r;
            for (int c = 0; c < columns; c++)
            {
                y[c] = x[c] * r * (weight[c] + offset);
            }
        }
    }

    public override void Backward(float* dy, float* x, float* weight, float offset, float* inverseRms, float* dx, long rows, int columns)
    {
        for (long row = 0; row < rows; row++, dy += columns, x += columns, dx += columns)
        {
            float r = inverseRms[row], sum = 0;
            for (int c = 0; c < columns; c++)
            {
                sum += dy[c] * (weight[c] + offset) * x[c];
            }

            float back = r * r * sum / columns;
            for (int c = 0; c < columns; c++)
            {
                dx[c] += r * (dy[c] * (weight[c] + offset) - x[c] * back);
            }
        }
    }

    public override void WeightGradient(float* dy, float* x, float* inverseRms, float* dWeight, long rows, int columns, int first, int count)
    {
        for (int c = first; c < first + count; c++)
        {
            float sum = 0;
            for (long row = 0; row < rows; row++)
            {
                sum += dy[row * columns + c] * x[row * columns + c] * inverseRms[row];
            }

            dWeight[c] += sum;
        }
    }
}
