using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// x · (d·scale·q − dmin·minimum) for the eight sub-blocks of each 144 bytes: F16 d, F16 dmin, 12 bytes of 6-bit scales and minima, 128 bytes of
/// nibbles. A group of 64 bytes holds four sub-blocks: the even nibbles of its halves, and the odd ones.
/// </summary>
internal sealed unsafe class Q4_KDot512 : StoredDotKernel
{
    private const int BlockBytes = 144;

    public override ElementType Type => ElementType.Q4_K;

    public override int PreparedFloats(int depth) => NibbleOrder.PreparedFloats(depth);

    public override void Prepare(float* x, int depth, float* prepared) => NibbleOrder.Halves64.Prepare(x, depth, prepared);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Dots(byte* rows, long rowBytes, int count, float* x, int depth, float* dots)
    {
        float* halves = F16Table.Floats;
        Vector512<float> values = NibbleVector512.Whole;
        Vector512<int> even = Vector512.Create(0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2), odd = even + Vector512.Create(1), four = Vector512.Create(4), eight = Vector512.Create(8);
        Vector512<float>* sums = stackalloc Vector512<float>[4];
        for (int i = 0; i < count; i++)
        {
            float* left = x;
            Vector512<float> scaled = Vector512<float>.Zero, offset = scaled;
            for (byte* block = rows + i * rowBytes, end = block + depth / 256 * BlockBytes; block < end; block += BlockBytes, left += 2 * NibbleOrder.Floats)
            {
                Vector256<float> d = Vector256.Create(halves[*(ushort*)block]), minimum = Vector256.Create(-halves[*(ushort*)(block + 2)]);
                Vector512<float> factors = Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(ScalesAndMinima(block + 4))) * Vector512.Create(d, minimum);
                for (int group = 0; group < 2; group++)
                {
                    Vector512<int> words = Vector512.Load((int*)(block + 16 + 64 * group)), place = group == 0 ? Vector512<int>.Zero : four;
                    float* at = left + group * NibbleOrder.Floats;
                    scaled = Vector512.FusedMultiplyAdd(NibbleVector512.Even(words, values, at), Avx512F.PermuteVar16x32(factors, even + place), scaled);
                    scaled = Vector512.FusedMultiplyAdd(NibbleVector512.Odd(words, values, at), Avx512F.PermuteVar16x32(factors, odd + place), scaled);
                    offset = Vector512.FusedMultiplyAdd(
                        Vector512.Load(at + NibbleOrder.EvenSums), Avx512F.PermuteVar16x32(factors, even + place + eight), offset);
                    offset = Vector512.FusedMultiplyAdd(
                        Vector512.Load(at + NibbleOrder.OddSums), Avx512F.PermuteVar16x32(factors, odd + place + eight), offset);
                }
            }

            sums[i % 4] = scaled + offset;
            if (i % 4 == 3 || i == count - 1)
            {
                RowSums512.Store(sums, i % 4 + 1, dots + i / 4 * 4);
            }
        }
    }

    /// <summary>
    /// Eight scales, then eight minima, a byte each. Those below 4 are the low six bits of the first eight bytes; the others have their low four bits in the
    /// last four bytes, and their upper two in the tops of the first eight.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> ScalesAndMinima(byte* packed)
    {
        uint first = *(uint*)packed, second = *(uint*)(packed + 4), last = *(uint*)(packed + 8);
        return Vector128.Create(
            first & 0x3F3F3F3F, (last & 0x0F0F0F0F) | ((first >> 2) & 0x30303030),
            second & 0x3F3F3F3F, ((last >> 4) & 0x0F0F0F0F) | ((second >> 2) & 0x30303030)).AsByte();
    }
}
