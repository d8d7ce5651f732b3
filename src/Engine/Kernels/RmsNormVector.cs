using System.Runtime.CompilerServices;

namespace FineTuneTool.Engine.Kernels;

internal sealed unsafe class RmsNormVector<S, V>(VectorMathKernel math) : RmsNormKernel
    where S : ISimd<V>
    where V : struct
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Forward(float* x, float* weight, float offset, float epsilon, float* y, float* inverseRms, long rows, int columns)
    {
        for (long row = 0; row < rows; row++, x += columns, y += columns)
        {
            float r = 1 / MathF.Sqrt(math.Dot(x, x, columns) / columns + epsilon);
            inverseRms[row] = r;
            V factor = S.Broadcast(r), shift = S.Broadcast(offset);
            int c = 0;
            for (; c <= columns - S.Width; c += S.Width)
            {
                S.Store(y + c, S.Multiply(S.Multiply(S.Load(x + c), factor), S.Add(S.Load(weight + c), shift)));
            }

            for (; c < columns; c++)
            {
                y[c] = x[c] * r * (weight[c] + offset);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Backward(float* dy, float* x, float* weight, float offset, float* inverseRms, float* dx, long rows, int columns)
    {
        for (long row = 0; row < rows; row++, dy += columns, x += columns, dx += columns)
        {
            float r = inverseRms[row], sum = 0;
            V sums = S.Broadcast(0), shift = S.Broadcast(offset);
            int c = 0;
            for (; c <= columns - S.Width; c += S.Width)
            {
                sums = S.MultiplyAdd(S.Multiply(S.Load(dy + c), S.Add(S.Load(weight + c), shift)), S.Load(x + c), sums);
            }

            for (; c < columns; c++)
            {
                sum += dy[c] * (weight[c] + offset) * x[c];
            }

            float back = -r * r * (S.Sum(sums) + sum) / columns;
            V factor = S.Broadcast(r), backs = S.Broadcast(back);
            for (c = 0; c <= columns - S.Width; c += S.Width)
            {
                V g = S.Multiply(S.Load(dy + c), S.Add(S.Load(weight + c), shift));
                S.Store(dx + c, S.MultiplyAdd(factor, S.MultiplyAdd(S.Load(x + c), backs, g), S.Load(dx + c)));
            }

            for (; c < columns; c++)
            {
                dx[c] += r * (dy[c] * (weight[c] + offset) + x[c] * back);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void WeightGradient(float* dy, float* x, float* inverseRms, float* dWeight, long rows, int columns, int first, int count)
    {
        int c = first, end = first + count;
        for (; c <= end - S.Width; c += S.Width)
        {
            V sum = S.Broadcast(0);
            for (long row = 0; row < rows; row++)
            {
                long at = row * columns + c;
                sum = S.MultiplyAdd(S.Multiply(S.Load(dy + at), S.Load(x + at)), S.Broadcast(inverseRms[row]), sum);
            }

            S.Store(dWeight + c, S.Add(S.Load(dWeight + c), sum));
        }

        for (; c < end; c++)
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
