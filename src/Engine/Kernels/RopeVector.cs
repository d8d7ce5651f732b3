using System.Runtime.CompilerServices;

namespace FineTuneTool.Engine.Kernels;

internal sealed unsafe class RopeVector<S, V> : RopeKernel
    where S : ISimd<V>
    where V : struct
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Rotate(float* x, int heads, int headDim, float* cosines, float* sines, int pairs, float direction)
    {
        V turn = S.Broadcast(direction), back = S.Broadcast(-direction);
        for (int head = 0; head < heads; head++, x += headDim)
        {
            float* high = x + pairs;
            int i = 0;
            for (; i <= pairs - S.Width; i += S.Width)
            {
                V a = S.Load(x + i), b = S.Load(high + i), cosine = S.Load(cosines + i), sine = S.Load(sines + i);
                S.Store(x + i, S.MultiplyAdd(a, cosine, S.Multiply(b, S.Multiply(sine, back))));
                S.Store(high + i, S.MultiplyAdd(b, cosine, S.Multiply(a, S.Multiply(sine, turn))));
            }

            for (; i < pairs; i++)
            {
                float a = x[i], b = high[i], sine = direction * sines[i];
                x[i] = a * cosines[i] - b * sine;
                high[i] = b * cosines[i] + a * sine;
            }
        }
    }
}
