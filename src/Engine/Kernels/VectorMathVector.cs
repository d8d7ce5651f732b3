using System.Runtime.CompilerServices;

namespace FineTuneTool.Engine.Kernels;

/// <summary>Four vectors of sums at a time where sums are made; what is left over at the end by the scalar form.</summary>
internal sealed unsafe class VectorMathVector<S, V> : VectorMathKernel
    where S : ISimd<V>
    where V : struct
{
    private readonly VectorMathScalar _rest = new();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Add(float* target, float* source, float factor, long count)
    {
        V f = S.Broadcast(factor);
        long i = 0;
        for (; i <= count - S.Width; i += S.Width)
        {
            S.Store(target + i, S.MultiplyAdd(f, S.Load(source + i), S.Load(target + i)));
        }

        _rest.Add(target + i, source + i, factor, count - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Scale(float* target, float factor, long count)
    {
        V f = S.Broadcast(factor);
        long i = 0;
        for (; i <= count - S.Width; i += S.Width)
        {
            S.Store(target + i, S.Multiply(f, S.Load(target + i)));
        }

        _rest.Scale(target + i, factor, count - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void SoftCap(float* target, float cap, long count)
    {
        V factor = S.Broadcast(cap), inverse = S.Broadcast(1 / cap);
        long i = 0;
        for (; i <= count - S.Width; i += S.Width)
        {
            S.Store(target + i, S.Multiply(factor, VectorFunctions<S, V>.Tanh(S.Multiply(S.Load(target + i), inverse))));
        }

        _rest.SoftCap(target + i, cap, count - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float Dot(float* a, float* b, long count)
    {
        V s0 = S.Broadcast(0), s1 = s0, s2 = s0, s3 = s0;
        long i = 0;
        for (; i <= count - 4 * S.Width; i += 4 * S.Width)
        {
            s0 = S.MultiplyAdd(S.Load(a + i), S.Load(b + i), s0);
            s1 = S.MultiplyAdd(S.Load(a + i + S.Width), S.Load(b + i + S.Width), s1);
            s2 = S.MultiplyAdd(S.Load(a + i + 2 * S.Width), S.Load(b + i + 2 * S.Width), s2);
            s3 = S.MultiplyAdd(S.Load(a + i + 3 * S.Width), S.Load(b + i + 3 * S.Width), s3);
        }

        for (; i <= count - S.Width; i += S.Width)
        {
            s0 = S.MultiplyAdd(S.Load(a + i), S.Load(b + i), s0);
        }

        return S.Sum(S.Add(S.Add(s0, s1), S.Add(s2, s3))) + _rest.Dot(a + i, b + i, count - i);
    }

    /// <summary>Single precision over runs short enough (64 terms a lane) to keep it exact to some units, double over the runs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override double SumOfSquares(float* a, long count)
    {
        long run = 256L * S.Width;
        double sum = 0;
        for (long start = 0; start < count; start += run)
        {
            sum += Dot(a + start, a + start, Math.Min(run, count - start));
        }

        return sum;
    }
}
