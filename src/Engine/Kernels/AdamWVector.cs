using System.Runtime.CompilerServices;

namespace FineTuneTool.Engine.Kernels;

/// <summary>The scalar form's operations in its order, unfused, so that both give the same bits.</summary>
internal sealed unsafe class AdamWVector<S, V> : AdamWKernel
    where S : ISimd<V>
    where V : struct
{
    private readonly AdamWScalar _rest = new();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Update(float* values, float* gradients, float* first, float* second, long count, in AdamWFactors factors)
    {
        V decay = S.Broadcast(factors.Decay), oneMinusBeta1 = S.Broadcast(factors.OneMinusBeta1), beta2 = S.Broadcast(factors.Beta2);
        V oneMinusBeta2 = S.Broadcast(factors.OneMinusBeta2), stepSize = S.Broadcast(factors.StepSize);
        V correction = S.Broadcast(factors.SecondCorrection), epsilon = S.Broadcast(factors.Epsilon);
        long i = 0;
        for (; i <= count - S.Width; i += S.Width)
        {
            V g = S.Load(gradients + i), p = S.Multiply(S.Load(values + i), decay);
            V m = S.Load(first + i);
            m = S.Add(m, S.Multiply(oneMinusBeta1, S.Subtract(g, m)));
            V v = S.Add(S.Multiply(S.Load(second + i), beta2), S.Multiply(oneMinusBeta2, S.Multiply(g, g)));
            S.Store(first + i, m);
            S.Store(second + i, v);
            V denominator = S.Add(S.Divide(S.Sqrt(v), correction), epsilon);
            S.Store(values + i, S.Subtract(p, S.Multiply(stepSize, S.Divide(m, denominator))));
        }

        _rest.Update(values + i, gradients + i, first + i, second + i, count - i, factors);
    }
}
