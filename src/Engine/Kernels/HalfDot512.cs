using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>Plain numbers of 16 bits: F16 and BF16.</summary>
internal sealed unsafe class HalfDot512(ElementType type) : StoredDotKernel
{
    public override ElementType Type => type;

    public override void Dots(byte* rows, long rowBytes, int count, float* x, int depth, float* dots)
    {
        for (int i = 0; i < count; i++)
        {
            ushort* row = (ushort*)(rows + i * rowBytes);
            dots[i] = type == ElementType.BF16 ? BF16(row, x, depth) : F16(row, x, depth);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float BF16(ushort* row, float* x, int depth)
    {
        Vector512<float> s0 = Vector512<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
        int k = 0;
        for (; k <= depth - 64; k += 64)
        {
            s0 = Vector512.FusedMultiplyAdd(Upper(row + k).AsSingle(), Vector512.Load(x + k), s0);
            s1 = Vector512.FusedMultiplyAdd(Upper(row + k + 16).AsSingle(), Vector512.Load(x + k + 16), s1);
            s2 = Vector512.FusedMultiplyAdd(Upper(row + k + 32).AsSingle(), Vector512.Load(x + k + 32), s2);
            s3 = Vector512.FusedMultiplyAdd(Upper(row + k + 48).AsSingle(), Vector512.Load(x + k + 48), s3);
        }

        for (; k <= depth - 16; k += 16)
        {
            s0 = Vector512.FusedMultiplyAdd(Upper(row + k).AsSingle(), Vector512.Load(x + k), s0);
        }

        float sum = Simd512.Sum(s0 + s1 + (s2 + s3));
        for (; k < depth; k++)
        {
            sum += x[k] * BitConverter.UInt32BitsToSingle((uint)row[k] << 16);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float F16(ushort* row, float* x, int depth)
    {
        Vector512<float> s0 = Vector512<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
        int k = 0;
        for (; k <= depth - 64; k += 64)
        {
            s0 = Vector512.FusedMultiplyAdd(HalfVector512.WidenUpper(Upper(row + k)), Vector512.Load(x + k), s0);
            s1 = Vector512.FusedMultiplyAdd(HalfVector512.WidenUpper(Upper(row + k + 16)), Vector512.Load(x + k + 16), s1);
            s2 = Vector512.FusedMultiplyAdd(HalfVector512.WidenUpper(Upper(row + k + 32)), Vector512.Load(x + k + 32), s2);
            s3 = Vector512.FusedMultiplyAdd(HalfVector512.WidenUpper(Upper(row + k + 48)), Vector512.Load(x + k + 48), s3);
        }

        for (; k <= depth - 16; k += 16)
        {
            s0 = Vector512.FusedMultiplyAdd(HalfVector512.WidenUpper(Upper(row + k)), Vector512.Load(x + k), s0);
        }

        float sum = Simd512.Sum(s0 + s1 + (s2 + s3));
        for (; k < depth; k++)
        {
            sum += x[k] * F16Format.Widen(row[k]);
        }

        return sum;
    }

    /// <summary>Sixteen numbers in the upper halves of the lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Upper(ushort* source) => Avx512F.ConvertToVector512Int32(Vector256.Load(source)) << 16;
}
