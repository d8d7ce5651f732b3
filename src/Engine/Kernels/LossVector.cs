using System.Runtime.CompilerServices;

namespace FineTuneTool.Engine.Kernels;

internal sealed unsafe class LossVector<S, V>(VectorMathKernel math) : LossKernel
    where S : ISimd<V>
    where V : struct
{
    /// <summary>Exponentials summed in single precision before the sum goes on in double.</summary>
    private const int Run = 2048;

    public override float Loss(float* logits, int count, int target, float softCap, bool gradient, out bool correct)
    {
        if (softCap > 0)
        {
            math.SoftCap(logits, softCap, count);
        }

        float largest = FindLargest(logits, count);
        float atTarget = logits[target];
        correct = atTarget == largest && !new ReadOnlySpan<float>(logits, target).Contains(largest);
        double sum = 0;
        for (int start = 0; start < count; start += Run)
        {
            sum += Exponentials(logits + start, Math.Min(Run, count - start), largest, gradient && softCap == 0);
        }

        float logSum = (float)Math.Log(sum);
        if (gradient && softCap > 0)
        {
            CappedGradient(logits, count, largest + logSum, softCap);
            float ratio = atTarget / softCap;
            logits[target] = (MathF.Exp(atTarget - largest - logSum) - 1) * (1 - ratio * ratio);
        }
        else if (gradient)
        {
            math.Scale(logits, (float)(1 / sum), count);
            logits[target] -= 1;
        }

        return logSum - (atTarget - largest);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float FindLargest(float* logits, int count)
    {
        V largest = S.Broadcast(float.NegativeInfinity);
        int i = 0;
        for (; i <= count - S.Width; i += S.Width)
        {
            largest = S.Max(largest, S.Load(logits + i));
        }

        float result = S.Largest(largest);
        for (; i < count; i++)
        {
            result = MathF.Max(result, logits[i]);
        }

        return result;
    }

    /// <summary>Σ exp(logits − largest); with keep the logits become the exponentials.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Exponentials(float* logits, int count, float largest, bool keep)
    {
        V shift = S.Broadcast(largest), sums = S.Broadcast(0);
        float rest = 0;
        int i = 0;
        for (; i <= count - S.Width; i += S.Width)
        {
            V e = VectorFunctions<S, V>.Exp(S.Subtract(S.Load(logits + i), shift));
            sums = S.Add(sums, e);
            if (keep)
            {
                S.Store(logits + i, e);
            }
        }

        for (; i < count; i++)
        {
            float e = MathF.Exp(logits[i] - largest);
            rest += e;
            logits[i] = keep ? e : logits[i];
        }

        return S.Sum(sums) + rest;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CappedGradient(float* logits, int count, float logSum, float softCap)
    {
        V shift = S.Broadcast(logSum), inverse = S.Broadcast(1 / softCap), one = S.Broadcast(1);
        int i = 0;
        for (; i <= count - S.Width; i += S.Width)
        {
            V z = S.Load(logits + i), ratio = S.Multiply(z, inverse);
            S.Store(logits + i, S.Multiply(VectorFunctions<S, V>.Exp(S.Subtract(z, shift)), S.Subtract(one, S.Multiply(ratio, ratio))));
        }

        for (; i < count; i++)
        {
            float ratio = logits[i] / softCap;
            logits[i] = MathF.Exp(logits[i] - logSum) * (1 - ratio * ratio);
        }
    }
}
