using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FineTuneTool.Engine.Kernels;

/// <summary>Transposes tiles of 8 × 8 in registers (24 shuffles for 64 numbers) and copies by vectors of eight; the rest one by one.</summary>
internal sealed unsafe class PanelPackerAvx(DropoutKernel dropout, VectorMathKernel math) : PanelPacker(dropout, math)
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Transpose(float* source, long stride, int count, int depth, float* target, int width)
    {
        int k = 0;
        for (; k <= depth - 8; k += 8)
        {
            int i = 0;
            for (; i <= count - 8; i += 8)
            {
                Transpose8x8(source + i * stride + k, stride, target + (long)k * width + i, width);
            }

            if (i < width)
            {
                TransposePart(source + i * stride + k, stride, count - i, 8, target + (long)k * width + i, width, width - i);
            }
        }

        TransposePart(source + k, stride, count, depth - k, target + (long)k * width, width, width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Copy(float* source, long stride, int count, int depth, float* target, int width)
    {
        for (int k = 0; k < depth; k++, source += stride, target += width)
        {
            int i = 0;
            for (; i <= count - 8; i += 8)
            {
                Vector256.Load(source + i).Store(target + i);
            }

            for (; i < width; i++)
            {
                target[i] = i < count ? source[i] : 0;
            }
        }
    }

    private static void TransposePart(float* source, long stride, int count, int depth, float* target, int step, int width)
    {
        for (int k = 0; k < depth; k++)
        {
            for (int i = 0; i < width; i++)
            {
                target[(long)k * step + i] = i < count ? source[i * stride + k] : 0;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose8x8(float* source, long stride, float* target, long step)
    {
        Vector256<float> r0 = Vector256.Load(source), r1 = Vector256.Load(source + stride);
        Vector256<float> r2 = Vector256.Load(source + 2 * stride), r3 = Vector256.Load(source + 3 * stride);
        Vector256<float> r4 = Vector256.Load(source + 4 * stride), r5 = Vector256.Load(source + 5 * stride);
        Vector256<float> r6 = Vector256.Load(source + 6 * stride), r7 = Vector256.Load(source + 7 * stride);
        Vector256<float> a0 = Avx.UnpackLow(r0, r1), a1 = Avx.UnpackHigh(r0, r1), a2 = Avx.UnpackLow(r2, r3), a3 = Avx.UnpackHigh(r2, r3);
        Vector256<float> a4 = Avx.UnpackLow(r4, r5), a5 = Avx.UnpackHigh(r4, r5), a6 = Avx.UnpackLow(r6, r7), a7 = Avx.UnpackHigh(r6, r7);
        r0 = Avx.Shuffle(a0, a2, 0x44);
        r1 = Avx.Shuffle(a0, a2, 0xEE);
        r2 = Avx.Shuffle(a1, a3, 0x44);
        r3 = Avx.Shuffle(a1, a3, 0xEE);
        r4 = Avx.Shuffle(a4, a6, 0x44);
        r5 = Avx.Shuffle(a4, a6, 0xEE);
        r6 = Avx.Shuffle(a5, a7, 0x44);
        r7 = Avx.Shuffle(a5, a7, 0xEE);
        Avx.Permute2x128(r0, r4, 0x20).Store(target);
        Avx.Permute2x128(r1, r5, 0x20).Store(target + step);
        Avx.Permute2x128(r2, r6, 0x20).Store(target + 2 * step);
        Avx.Permute2x128(r3, r7, 0x20).Store(target + 3 * step);
        Avx.Permute2x128(r0, r4, 0x31).Store(target + 4 * step);
        Avx.Permute2x128(r1, r5, 0x31).Store(target + 5 * step);
        Avx.Permute2x128(r2, r6, 0x31).Store(target + 6 * step);
        Avx.Permute2x128(r3, r7, 0x31).Store(target + 7 * step);
    }
}
