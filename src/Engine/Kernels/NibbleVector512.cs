using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Four blocks of 32 numbers at a time, whose 16 bytes of nibbles (element j low, j + 16 high) fill the four quarters of a vector. The
/// table look-up uses the low four bits of each lane alone, so eight shifts of one register give all 128 numbers, without widening bytes.
/// The left vector is ordered to match: vector s of a group holds, in lane 4·b + i, the element of block b that is nibble s of its i-th word.
/// </summary>
internal static unsafe class NibbleVector512
{
    /// <summary>Numbers of a group, and the floats a group of the prepared vector takes: eight vectors of elements and one of their sums.</summary>
    public const int Elements = 128, Floats = 9 * 16;

    /// <summary>Place of the sums in a group.</summary>
    public const int Sums = 8 * 16;

    public static int PreparedFloats(int depth) => (depth + Elements - 1) / Elements * Floats;

    /// <summary>Missing blocks of the last group become zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Prepare(float* x, int depth, float* prepared)
    {
        for (int first = 0; first < depth; first += Elements, prepared += Floats)
        {
            if (depth - first < Elements)
            {
                new Span<float>(prepared, Floats).Clear();
            }

            for (int block = 0; block < Math.Min(4, (depth - first) / 32); block++)
            {
                float* from = x + first + block * 32;
                for (int i = 0; i < 4; i++, from += 4)
                {
                    float* lane = prepared + 4 * block + i;
                    float sum = 0;
                    for (int j = 0; j < 4; j++)
                    {
                        lane[32 * j] = from[j];
                        lane[32 * j + 16] = from[16 + j];
                        sum += from[j] + from[16 + j];
                    }

                    lane[Sums] = sum;
                }
            }
        }
    }

    /// <summary>Σ over the eight nibbles of each lane of table[nibble] · x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Dot(Vector512<int> nibbles, Vector512<float> table, float* x)
    {
        Vector512<float> even = Avx512F.PermuteVar16x32(table, nibbles) * Vector512.Load(x);
        Vector512<float> odd = Avx512F.PermuteVar16x32(table, nibbles >>> 4) * Vector512.Load(x + 16);
        even = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, nibbles >>> 8), Vector512.Load(x + 32), even);
        odd = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, nibbles >>> 12), Vector512.Load(x + 48), odd);
        even = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, nibbles >>> 16), Vector512.Load(x + 64), even);
        odd = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, nibbles >>> 20), Vector512.Load(x + 80), odd);
        even = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, nibbles >>> 24), Vector512.Load(x + 96), even);
        odd = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, nibbles >>> 28), Vector512.Load(x + 112), odd);
        return even + odd;
    }
}
