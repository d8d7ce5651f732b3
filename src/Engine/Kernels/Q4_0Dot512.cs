using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>x · (d · values[q]) = d · Σ values[q]·x for each block of 18 bytes: F16 d, 16 bytes of nibbles. Q4_0 and IQ4_NL.</summary>
/// <param name="values">The number of each nibble.</param>
internal sealed unsafe class Q4_0Dot512(ElementType type, Vector512<float> values) : StoredDotKernel
{
    private const int BlockBytes = 18, GroupBytes = 4 * BlockBytes;

    /// <summary>16-bit words of nibbles of four blocks, out of the words 0 … 31 and 4 … 35 of the group.</summary>
    private static readonly Vector512<short> Nibbles = Vector512.Create(
        1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26, 28, 29, 30, 31, 60, 61, 62, 63);

    /// <summary>The d of each block for its quarter, in the upper halves of the lanes.</summary>
    private static readonly Vector512<short> Scales = Vector512.Create(
        0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 9, 0, 9, 0, 9, 0, 18, 0, 18, 0, 18, 0, 18, 0, 27, 0, 27, 0, 27, 0, 27);

    /// <summary>−8 … 7.</summary>
    public static Vector512<float> Signed => Vector512.Create(-8f, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);

    /// <summary>The uneven steps of IQ4_NL.</summary>
    public static Vector512<float> Uneven => Vector512.Create(-127f, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

    public override ElementType Type => type;

    public override int PreparedFloats(int depth) => NibbleOrder.PreparedFloats(depth);

    public override void Prepare(float* x, int depth, float* prepared) => NibbleOrder.Halves32.Prepare(x, depth, prepared);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Dots(byte* rows, long rowBytes, int count, float* x, int depth, float* dots)
    {
        Vector512<short> nibbles = Nibbles, scales = Scales;
        Vector512<float> table = values;
        int blocks = depth / 32, rest = blocks % 4;
        Vector512<short> restWords = Vector512.LessThan(Vector512<short>.Indices, Vector512.Create((short)(9 * rest)));
        Vector512<float>* sums = stackalloc Vector512<float>[4];
        for (int i = 0; i < count; i++)
        {
            byte* row = rows + i * rowBytes;
            float* left = x;
            Vector512<float> sum = Vector512<float>.Zero;
            for (int block = 0; block <= blocks - 4; block += 4, row += GroupBytes, left += NibbleOrder.Floats)
            {
                sum = Add(sum, Vector512.Load((short*)row), Vector512.Load((short*)(row + 8)), nibbles, scales, table, left);
            }

            if (rest > 0)
            {
                sum = Add(sum, Avx512BW.MaskLoad((short*)row, restWords, Vector512<short>.Zero), Vector512<short>.Zero, nibbles, scales, table, left);
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
        Vector512<float> sum, Vector512<short> first, Vector512<short> last, Vector512<short> nibbles, Vector512<short> scales, Vector512<float> table, float* left)
    {
        Vector512<int> words = Avx512BW.PermuteVar32x16x2(first, nibbles, last).AsInt32();
        Vector512<float> factors = HalfVector512.WidenUpper(Avx512BW.PermuteVar32x16(first, scales).AsInt32());
        return Vector512.FusedMultiplyAdd(NibbleVector512.All(words, table, left), factors, sum);
    }
}
