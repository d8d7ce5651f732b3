using System.Runtime.CompilerServices;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Four rows by two vectors: eight sums in registers, just enough to hide the latency of two multiply-adds a cycle; for machines with 16 vector registers.
/// </summary>
internal sealed unsafe class MicroKernel4x2<S, V> : MicroKernel
    where S : ISimd<V>
    where V : struct
{
    public override int Rows => 4;

    public override int Columns => 2 * S.Width;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Multiply(int depth, float* a, nint aStep, float* b, nint bStep, float* c, nint cStep, bool accumulate)
    {
        V c00 = S.Broadcast(0), c01 = c00;
        V c10 = c00, c11 = c00;
        V c20 = c00, c21 = c00;
        V c30 = c00, c31 = c00;
        for (int k = 0; k < depth; k++)
        {
            V b0 = S.Load(b), b1 = S.Load(b + S.Width);
            V x = S.Broadcast(a[0]);
            c00 = S.MultiplyAdd(x, b0, c00);
            c01 = S.MultiplyAdd(x, b1, c01);
            x = S.Broadcast(a[1]);
            c10 = S.MultiplyAdd(x, b0, c10);
            c11 = S.MultiplyAdd(x, b1, c11);
            x = S.Broadcast(a[2]);
            c20 = S.MultiplyAdd(x, b0, c20);
            c21 = S.MultiplyAdd(x, b1, c21);
            x = S.Broadcast(a[3]);
            c30 = S.MultiplyAdd(x, b0, c30);
            c31 = S.MultiplyAdd(x, b1, c31);
            a += aStep;
            b += bStep;
        }

        Store(c, c00, c01, accumulate);
        Store(c + 1 * cStep, c10, c11, accumulate);
        Store(c + 2 * cStep, c20, c21, accumulate);
        Store(c + 3 * cStep, c30, c31, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, V low, V high, bool accumulate)
    {
        if (accumulate)
        {
            low = S.Add(low, S.Load(c));
            high = S.Add(high, S.Load(c + S.Width));
        }

        S.Store(c, low);
        S.Store(c + S.Width, high);
    }
}
