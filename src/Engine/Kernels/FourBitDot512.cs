using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>x · (scale · codebook[q]) for each block of 36 bytes: F32 scale, 64 nibbles. NF4 and FP4.</summary>
internal sealed unsafe class FourBitDot512(ElementType type, FourBitCodebook codebook) : StoredDotKernel
{
    private const int BlockBytes = 36;

    /// <summary>Words of nibbles of two blocks, out of the words 0 … 15 and 2 … 17 of the group.</summary>
    private static readonly Vector512<int> Nibbles = Vector512.Create(1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 30, 31);

    /// <summary>The scale of each block for its half.</summary>
    private static readonly Vector512<int> Scales = Vector512.Create(0, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9);

    public override ElementType Type => type;

    public override int PreparedFloats(int depth) => NibbleOrder.PreparedFloats(depth);

    public override void Prepare(float* x, int depth, float* prepared) => NibbleOrder.Neighbours.Prepare(x, depth, prepared);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Dots(byte* rows, long rowBytes, int count, float* x, int depth, float* dots)
    {
        Vector512<int> nibbles = Nibbles, scales = Scales;
        Vector512<int> oneBlock = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(BlockBytes / 4));
        Vector512<float> values = Vector512.Create(codebook.Values);
        int blocks = depth / 64;
        Vector512<float>* sums = stackalloc Vector512<float>[4];
        for (int i = 0; i < count; i++)
        {
            byte* row = rows + i * rowBytes;
            float* left = x;
            Vector512<float> sum = Vector512<float>.Zero;
            for (int block = 0; block <= blocks - 2; block += 2, row += 2 * BlockBytes, left += NibbleOrder.Floats)
            {
                sum = Add(sum, Vector512.Load((int*)row), Vector512.Load((int*)(row + 8)), nibbles, scales, values, left);
            }

            if (blocks % 2 > 0)
            {
                sum = Add(sum, Avx512F.MaskLoad((int*)row, oneBlock, Vector512<int>.Zero), Vector512<int>.Zero, nibbles, scales, values, left);
            }

            sums[i % 4] = sum;
            if (i % 4 == 3 || i == count - 1)
            {
                RowSums512.Store(sums, i % 4 + 1, dots + i / 4 * 4);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Add(
        Vector512<float> sum, Vector512<int> first, Vector512<int> last, Vector512<int> nibbles, Vector512<int> scales, Vector512<float> values, float* left)
    {
        Vector512<int> words = Avx512F.PermuteVar16x32x2(first, nibbles, last);
        return Vector512.FusedMultiplyAdd(NibbleVector512.All(words, values, left), Avx512F.PermuteVar16x32(first.AsSingle(), scales), sum);
    }
}
