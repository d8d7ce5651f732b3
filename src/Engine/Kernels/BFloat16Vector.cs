using System.Runtime.CompilerServices;

namespace FineTuneTool.Engine.Kernels;

/// <summary>Conversions by vectors; what is left over by the scalar form.</summary>
internal sealed unsafe class BFloat16Vector<S, V> : BFloat16Kernel
    where S : ISimd<V>
    where V : struct
{
    private readonly BFloat16Scalar _rest = new();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Widen(ushort* source, float* target, long count)
    {
        long i = 0;
        for (; i <= count - S.Width; i += S.Width)
        {
            S.Store(target + i, S.LoadBFloat16(source + i));
        }

        _rest.Widen(source + i, target + i, count - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Narrow(float* source, ushort* target, long count)
    {
        long i = 0;
        for (; i <= count - S.Width; i += S.Width)
        {
            S.StoreBFloat16(target + i, S.Load(source + i));
        }

        _rest.Narrow(source + i, target + i, count - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Split(uint* pairs, float* even, float* odd, long count)
    {
        long i = 0;
        for (; i <= count - S.Width; i += S.Width)
        {
            S.Store(even + i, S.LoadEven(pairs + i));
            S.Store(odd + i, S.LoadOdd(pairs + i));
        }

        _rest.Split(pairs + i, even + i, odd + i, count - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Interleave(float* even, float* odd, uint* pairs, long count)
    {
        long i = 0;
        for (; i <= count - S.Width; i += S.Width)
        {
            S.StorePairs(pairs + i, S.Load(even + i), S.Load(odd + i));
        }

        _rest.Interleave(even + i, odd + i, pairs + i, count - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Interleave(ushort* even, ushort* odd, uint* pairs, long count)
    {
        long i = 0;
        for (; i <= count - S.Width; i += S.Width)
        {
            S.StorePairs(pairs + i, even + i, odd + i);
        }

        _rest.Interleave(even + i, odd + i, pairs + i, count - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void InterleaveRows(ushort* rows, long step, long count, int columns, uint* pairs, int width)
    {
        int whole = columns / S.Width * S.Width;
        for (long pair = 0; pair < count; pair++, rows += 2 * step, pairs += width)
        {
            for (int n = 0; n < whole; n += S.Width)
            {
                S.StorePairs(pairs + n, rows + n, rows + step + n);
            }

            for (int n = whole; n < width; n++)
            {
                pairs[n] = n < columns ? rows[n] | (uint)rows[step + n] << 16 : 0;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Finish(float* sums, long sumsStep, int rows, int columns, float* bias, ushort* addend, ushort* target, long targetStep)
    {
        int whole = columns / S.Width * S.Width;
        for (long row = 0; row < rows; row++)
        {
            float* from = sums + row * sumsStep;
            long at = row * targetStep;
            for (int n = 0; n < whole; n += S.Width)
            {
                V value = S.Load(from + n);
                if (bias is not null)
                {
                    value = S.Add(value, S.Load(bias + n));
                }

                if (addend is not null)
                {
                    value = S.Add(value, S.LoadBFloat16(addend + at + n));
                }

                S.StoreBFloat16(target + at + n, value);
            }
        }

        if (whole < columns)
        {
            float* restOfBias = bias is null ? null : bias + whole;
            ushort* restOfAddend = addend is null ? null : addend + whole;
            _rest.Finish(sums + whole, sumsStep, rows, columns - whole, restOfBias, restOfAddend, target + whole, targetStep);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void FinishWide(float* sums, long sumsStep, int rows, int columns, float* bias, bool accumulate, float* target, long targetStep)
    {
        int whole = columns / S.Width * S.Width;
        for (long row = 0; row < rows; row++)
        {
            float* from = sums + row * sumsStep, to = target + row * targetStep;
            for (int n = 0; n < whole; n += S.Width)
            {
                V value = S.Load(from + n);
                value = bias is null ? value : S.Add(value, S.Load(bias + n));
                S.Store(to + n, accumulate ? S.Add(S.Load(to + n), value) : value);
            }
        }

        if (whole < columns)
        {
            _rest.FinishWide(sums + whole, sumsStep, rows, columns - whole, bias is null ? null : bias + whole, accumulate, target + whole, targetStep);
        }
    }
}
