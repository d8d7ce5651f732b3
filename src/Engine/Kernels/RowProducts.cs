using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FineTuneTool.Engine.Kernels;

/// <summary>One vector against many rows that lie step floats apart: the products of attention for a single query.</summary>
internal sealed unsafe class RowProducts<S, V>
    where S : ISimd<V>
    where V : struct
{
    /// <summary>dots[j] = vector · rows[j]; four rows at a time, so that their sums run side by side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Dots(float* vector, float* rows, long step, int count, int dim, float* dots)
    {
        int whole = dim / S.Width * S.Width, j = 0;
        for (; j <= count - 4; j += 4)
        {
            float* row = rows + j * step;
            V s0 = S.Broadcast(0), s1 = s0, s2 = s0, s3 = s0;
            for (int d = 0; d < whole; d += S.Width)
            {
                V x = S.Load(vector + d);
                s0 = S.MultiplyAdd(x, S.Load(row + d), s0);
                s1 = S.MultiplyAdd(x, S.Load(row + step + d), s1);
                s2 = S.MultiplyAdd(x, S.Load(row + 2 * step + d), s2);
                s3 = S.MultiplyAdd(x, S.Load(row + 3 * step + d), s3);
            }

            S.Sums(s0, s1, s2, s3).Store(dots + j);
        }

        for (; j < count; j++)
        {
            V sum = S.Broadcast(0);
            for (int d = 0; d < whole; d += S.Width)
            {
                sum = S.MultiplyAdd(S.Load(vector + d), S.Load(rows + j * step + d), sum);
            }

            dots[j] = S.Sum(sum);
        }

        for (j = 0; j < count && whole < dim; j++)
        {
            for (int d = whole; d < dim; d++)
            {
                dots[j] += vector[d] * rows[j * step + d];
            }
        }
    }

    /// <summary>sum (dim) = Σ over rows, in order, of weights[j]·rows[j]; four vectors of the sum stay in registers over all rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void WeightedSum(float* rows, long step, float* weights, int count, float* sum, int dim)
    {
        int d = 0;
        for (; d <= dim - 4 * S.Width; d += 4 * S.Width)
        {
            V s0 = S.Broadcast(0), s1 = s0, s2 = s0, s3 = s0;
            float* row = rows + d;
            for (int j = 0; j < count; j++, row += step)
            {
                V weight = S.Broadcast(weights[j]);
                s0 = S.MultiplyAdd(weight, S.Load(row), s0);
                s1 = S.MultiplyAdd(weight, S.Load(row + S.Width), s1);
                s2 = S.MultiplyAdd(weight, S.Load(row + 2 * S.Width), s2);
                s3 = S.MultiplyAdd(weight, S.Load(row + 3 * S.Width), s3);
            }

            S.Store(sum + d, s0);
            S.Store(sum + d + S.Width, s1);
            S.Store(sum + d + 2 * S.Width, s2);
            S.Store(sum + d + 3 * S.Width, s3);
        }

        for (; d <= dim - S.Width; d += S.Width)
        {
            V s = S.Broadcast(0);
            for (int j = 0; j < count; j++)
            {
                s = S.MultiplyAdd(S.Broadcast(weights[j]), S.Load(rows + j * step + d), s);
            }

            S.Store(sum + d, s);
        }

        for (; d < dim; d++)
        {
            sum[d] = 0;
            for (int j = 0; j < count; j++)
            {
                sum[d] += weights[j] * rows[j * step + d];
            }
        }
    }
}
