using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>x · (q·d + m) = d · Σ q·x + m · Σ x for each block of 20 bytes: F16 d, F16 m, 16 bytes of nibbles.</summary>
internal sealed unsafe class Q4_1Dot512 : StoredDotKernel
{
    private const int BlockBytes = 20, GroupBytes = 4 * BlockBytes;

    /// <summary>Words of nibbles of four blocks, out of the words 0 … 15 and 4 … 19 of the group.</summary>
    private static readonly Vector512<int> Nibbles = Vector512.Create(1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 28, 29, 30, 31);

    /// <summary>As 16-bit words: every d, then every m of two groups, each in the upper half of a lane.</summary>
    private static readonly Vector512<short> Scales = Vector512.Create(
        0, 0, 0, 10, 0, 20, 0, 30, 0, 32, 0, 42, 0, 52, 0, 62, 0, 1, 0, 11, 0, 21, 0, 31, 0, 33, 0, 43, 0, 53, 0, 63);

    public override ElementType Type => ElementType.Q4_1;

    public override int PreparedFloats(int depth) => NibbleOrder.PreparedFloats(depth);

    public override void Prepare(float* x, int depth, float* prepared) => NibbleOrder.Halves32.Prepare(x, depth, prepared);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Dots(byte* rows, long rowBytes, int count, float* x, int depth, float* dots)
    {
        Vector512<int> nibbles = Nibbles;
        Vector512<short> scales = Scales;
        Vector512<float> values = NibbleVector512.Whole;
        Vector512<int> firstQuarters = NibbleVector512.Quarters, four = Vector512.Create(4), eight = Vector512.Create(8);
        int blocks = depth / 32, rest = blocks % 4;
        Vector512<int> restWords = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(5 * rest));
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
                Vector512<float> firstDot = NibbleVector512.All(Avx512F.PermuteVar16x32x2(first, nibbles, Vector512.Load((int*)(row + 16))), values, left);
                Vector512<float> secondDot = NibbleVector512.All(
                    Avx512F.PermuteVar16x32x2(second, nibbles, Vector512.Load((int*)(row + GroupBytes + 16))), values, left + NibbleOrder.Floats);
                scaled = Vector512.FusedMultiplyAdd(firstDot, Avx512F.PermuteVar16x32(factors, firstQuarters), scaled);
                offset = Vector512.FusedMultiplyAdd(
                    NibbleVector512.Sums(left), Avx512F.PermuteVar16x32(factors, firstQuarters + eight), offset);
                scaled = Vector512.FusedMultiplyAdd(secondDot, Avx512F.PermuteVar16x32(factors, firstQuarters + four), scaled);
                offset = Vector512.FusedMultiplyAdd(
                    NibbleVector512.Sums(left + NibbleOrder.Floats), Avx512F.PermuteVar16x32(factors, firstQuarters + four + eight), offset);
            }

            for (; block < blocks; block += 4, row += GroupBytes, left += NibbleOrder.Floats)
            {
                bool whole = block <= blocks - 4;
                Vector512<int> words = whole ? Vector512.Load((int*)row) : Avx512F.MaskLoad((int*)row, restWords, Vector512<int>.Zero);
                Vector512<int> last = whole ? Vector512.Load((int*)(row + 16)) : Vector512<int>.Zero;
                Vector512<float> factors = HalfVector512.WidenUpper(Avx512BW.PermuteVar32x16x2(words.AsInt16(), scales, words.AsInt16()).AsInt32());
                Vector512<float> dot = NibbleVector512.All(Avx512F.PermuteVar16x32x2(words, nibbles, last), values, left);
                scaled = Vector512.FusedMultiplyAdd(dot, Avx512F.PermuteVar16x32(factors, firstQuarters), scaled);
                offset = Vector512.FusedMultiplyAdd(
                    NibbleVector512.Sums(left), Avx512F.PermuteVar16x32(factors, firstQuarters + eight), offset);
            }

            dots[i] = Vector512.Sum(scaled + offset);
        }
    }
}
