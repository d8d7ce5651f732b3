using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>x · (q·d) = d · Σ q·x for each block of 34 bytes: F16 d, 32 signed bytes.</summary>
internal sealed unsafe class Q8_0Dot512 : StoredDotKernel
{
    private const int BlockBytes = 34;

    public override ElementType Type => ElementType.Q8_0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Dots(byte* rows, long rowBytes, int count, float* x, int depth, float* dots)
    {
        float* scales = F16Table.Floats;
        int blocks = depth / 32;
        Vector512<float>* sums = stackalloc Vector512<float>[4];
        for (int i = 0; i < count; i++)
        {
            byte* row = rows + i * rowBytes;
            float* left = x;
            Vector512<float> even = Vector512<float>.Zero, odd = even;
            int block = 0;
            for (; block <= blocks - 2; block += 2, row += 2 * BlockBytes, left += 64)
            {
                even = Vector512.FusedMultiplyAdd(Dot(row, left), Vector512.Create(scales[*(ushort*)row]), even);
                odd = Vector512.FusedMultiplyAdd(Dot(row + BlockBytes, left + 32), Vector512.Create(scales[*(ushort*)(row + BlockBytes)]), odd);
            }

            if (block < blocks)
            {
                even = Vector512.FusedMultiplyAdd(Dot(row, left), Vector512.Create(scales[*(ushort*)row]), even);
            }

            sums[i % 4] = even + odd;
            if (i % 4 == 3 || i == count - 1)
            {
                RowSums512.Store(sums, i % 4 + 1, dots + i / 4 * 4);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Dot(byte* block, float* x)
    {
        Vector512<float> sum = Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)block + 2))) * Vector512.Load(x);
        return Vector512.FusedMultiplyAdd(
            Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)block + 18))), Vector512.Load(x + 16), sum);
    }
}
