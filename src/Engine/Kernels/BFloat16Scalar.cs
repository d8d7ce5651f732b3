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

    public override void FinishWide(float* sums, float* bias, bool accumulate, float* target, long count)
    {
        for (long i = 0; i < count; i++)
        {
            float value = sums[i] + (bias is null ? 0 : bias[i]);
            target[i] = accumulate ? target[i] + value : value;
        }
    }
}
