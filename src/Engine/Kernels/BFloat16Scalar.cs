using FineTuneTool.Engine.Quantization;

namespace FineTuneTool.Engine.Kernels;

/// <summary>The plain form.</summary>
internal sealed unsafe class BFloat16Scalar : BFloat16Kernel
{
    public override void Widen(ushort* source, float* target, long count)
    {
        for (long i = 0; i < count; i++)
        {
            target[i] = BF16Format.Widen(source[i]);
        }
    }

    public override void Narrow(float* source, ushort* target, long count)
    {
        for (long i = 0; i < count; i++)
        {
            target[i] = BF16Format.Round(source[i]);
        }
    }

    public override void Split(uint* pairs, float* even, float* odd, long count)
    {
        for (long i = 0; i < count; i++)
        {
            (even[i], odd[i]) = (BF16Format.Widen((ushort)pairs[i]), BF16Format.Widen((ushort)(pairs[i] >> 16)));
        }
    }

    public override void Interleave(float* even, float* odd, uint* pairs, long count)
    {
        for (long i = 0; i < count; i++)
        {
            pairs[i] = BF16Format.Round(even[i]) | (uint)BF16Format.Round(odd[i]) << 16;
        }
    }

    public override void Interleave(ushort* even, ushort* odd, uint* pairs, long count)
    {
        for (long i = 0; i < count; i++)
        {
            pairs[i] = even[i] | (uint)odd[i] << 16;
        }
    }

    public override void InterleaveRows(ushort* rows, long step, long count, int columns, uint* pairs, int width)
    {
        for (long pair = 0; pair < count; pair++, rows += 2 * step, pairs += width)
        {
            for (int n = 0; n < width; n++)
            {
                pairs[n] = n < columns ? rows[n] | (uint)rows[step + n] << 16 : 0;
            }
        }
    }

    public override void Finish(float* sums, long sumsStep, int rows, int columns, float* bias, ushort* addend, ushort* target, long targetStep)
    {
        for (long row = 0; row < rows; row++)
        {
            for (int n = 0; n < columns; n++)
            {
                float value = sums[row * sumsStep + n];
                value += bias is null ? 0 : bias[n];
                value += addend is null ? 0 : BF16Format.Widen(addend[row * targetStep + n]);
                target[row * targetStep + n] = BF16Format.Round(value);
            }
        }
    }

    public override void FinishWide(float* sums, long sumsStep, int rows, int columns, float* bias, bool accumulate, float* target, long targetStep)
    {
        for (int row = 0; row < rows; row++, sums += sumsStep, target += targetStep)
        {
            for (int n = 0; n < columns; n++)
            {
                float value = sums[n] + (bias is null ? 0 : bias[n]);
                target[n] = accumulate ? target[n] + value : value;
            }
        }
    }
}
