using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// x · (q·d + m) = d · Σ q·x + m · Σ x for each block of 20 bytes: F16 d, F16 m, 16 bytes of nibbles. Two groups of four blocks share the
/// conversion of their scales; where two blocks are left over at the end of a row, those of two rows make one group.
/// </summary>
internal sealed unsafe class Q4_1Dot512 : StoredDotKernel
{
    private const int BlockBytes = 20, GroupBytes = 4 * BlockBytes;

    /// <summary>Bytes that are asked for ahead: the machine's own guess ends at each page.</summary>
    private const int Ahead = 2048;

    /// <summary>Words of nibbles of four blocks, out of the words 0 … 15 and 4 … 19 of a group.</summary>
    private static readonly Vector512<int> Nibbles = Vector512.Create(1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 28, 29, 30, 31);

    /// <summary>As 16-bit words: every d, then every m of two groups, each in the upper half of a lane.</summary>
    private static readonly Vector512<short> Scales = Vector512.Create(
        0, 0, 0, 10, 0, 20, 0, 30, 0, 32, 0, 42, 0, 52, 0, 62, 0, 1, 0, 11, 0, 21, 0, 31, 0, 33, 0, 43, 0, 53, 0, 63);

    /// <summary>The same of two blocks of one row and two of another.</summary>
    private static readonly Vector512<int> PairNibbles = Vector512.Create(1, 2, 3, 4, 6, 7, 8, 9, 17, 18, 19, 20, 22, 23, 24, 25);

    private static readonly Vector512<short> PairScales = Vector512.Create(
        0, 0, 0, 10, 0, 32, 0, 42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 11, 0, 33, 0, 43, 0, 0, 0, 0, 0, 0, 0, 0);

    public override ElementType Type => ElementType.Q4_1;

    /// <summary>The last group once more, for the blocks that are left over of two rows.</summary>
    public override int PreparedFloats(int depth) => NibbleOrder.PreparedFloats(depth) + NibbleOrder.Floats;

    public override void Prepare(float* x, int depth, float* prepared)
    {
        NibbleOrder.Halves32.Prepare(x, depth, prepared);
        float* last = prepared + NibbleOrder.PreparedFloats(depth) - NibbleOrder.Floats, pair = last + NibbleOrder.Floats;
        for (int i = 0; i < NibbleOrder.Floats; i++)
        {
            pair[i] = last[i & ~8];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Dots(byte* rows, long rowBytes, int count, float* x, int depth, float* dots)
    {
        Vector512<int> nibbles = Nibbles;
        Vector512<short> scales = Scales;
        Vector512<float> values = NibbleVector512.Whole;
        int blocks = depth / 32, rest = blocks % 4;
        Vector512<int> restWords = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(5 * rest));
        Vector512<float>* sums = stackalloc Vector512<float>[4];
        for (int i = 0; i < count; i++)
        {
            byte* row = rows + i * rowBytes;
            float* left = x;
            Vector512<float> scaled = Vector512<float>.Zero, offset = scaled;
            int block = 0;
            for (; block <= blocks - 8; block += 8, row += 2 * GroupBytes, left += 2 * NibbleOrder.Floats)
            {
                Vector512<int> first = Vector512.Load((int*)row), second = Vector512.Load((int*)(row + GroupBytes));
                Vector512<float> factors = HalfVector512.WidenUpper(Avx512BW.PermuteVar32x16x2(first.AsInt16(), scales, second.AsInt16()).AsInt32());
                first = Avx512F.PermuteVar16x32x2(first, nibbles, Vector512.Load((int*)(row + 16)));
                second = Avx512F.PermuteVar16x32x2(second, nibbles, Vector512.Load((int*)(row + GroupBytes + 16)));
                float* next = left + NibbleOrder.Floats;
                Sse.Prefetch0(row + Ahead);
                Sse.Prefetch0(row + Ahead + 64);
                Sse.Prefetch0(row + Ahead + 128);
                scaled = Vector512.FusedMultiplyAdd(NibbleVector512.All(first, values, left), Factor(factors, 0), scaled);
                offset = Vector512.FusedMultiplyAdd(NibbleVector512.Sums(left), Factor(factors, 8), offset);
                scaled = Vector512.FusedMultiplyAdd(NibbleVector512.All(second, values, next), Factor(factors, 4), scaled);
                offset = Vector512.FusedMultiplyAdd(NibbleVector512.Sums(next), Factor(factors, 12), offset);
            }

            Vector512<float> sum = scaled + offset;
            if (block <= blocks - 4)
            {
                sum += Group(Vector512.Load((int*)row), Vector512.Load((int*)(row + 16)), nibbles, scales, values, left);
                row += GroupBytes;
                left += NibbleOrder.Floats;
            }

            if (rest == 2 && i % 2 == 1)
            {
                Vector512<int> before = Avx512F.MaskLoad((int*)(row - rowBytes), restWords, Vector512<int>.Zero);
                Vector512<int> words = Avx512F.MaskLoad((int*)row, restWords, Vector512<int>.Zero);
                Vector512<float> both = Group(before, words, PairNibbles, PairScales, values, left + NibbleOrder.Floats);
                sums[(i - 1) % 4] += both.GetLower().ToVector512();
                sum += both.GetUpper().ToVector512();
            }
            else if (rest > 0 && (rest != 2 || i == count - 1))
            {
                sum += Group(Avx512F.MaskLoad((int*)row, restWords, Vector512<int>.Zero), Vector512<int>.Zero, nibbles, scales, values, left);
            }

            sums[i % 4] = sum;
            if (i % 4 == 3 || i == count - 1)
            {
                RowSums512.Store(sums, i % 4 + 1, dots + i / 4 * 4);
            }
        }
    }

    /// <summary>The factor of each quarter's block, from the given lane on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Factor(Vector512<float> factors, int lane) =>
        Avx512F.PermuteVar16x32(factors, NibbleVector512.Quarters + Vector512.Create(lane));

    /// <summary>One group, of words in two vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Group(
        Vector512<int> first, Vector512<int> second, Vector512<int> nibbles, Vector512<short> scales, Vector512<float> values, float* left)
    {
        Vector512<float> factors = HalfVector512.WidenUpper(Avx512BW.PermuteVar32x16x2(first.AsInt16(), scales, second.AsInt16()).AsInt32());
        Vector512<float> dot = NibbleVector512.All(Avx512F.PermuteVar16x32x2(first, nibbles, second), values, left) * Factor(factors, 0);
        return Vector512.FusedMultiplyAdd(NibbleVector512.Sums(left), Factor(factors, 8), dot);
    }
}
