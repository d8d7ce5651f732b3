using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// A group of 16 words of nibbles with a left vector in <see cref="NibbleOrder"/>. The look-up of 16 numbers reads the low four bits of each
/// lane alone, so that shifting one register eight times gives all 128 numbers: no byte is widened and no integer converted.
/// </summary>
internal static unsafe class NibbleVector512
{
    /// <summary>0 … 15.</summary>
    public static Vector512<float> Whole => Vector512.Create(0f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    /// <summary>Lanes in quarters, each counting its own number.</summary>
    public static Vector512<int> Quarters => Vector512.Create(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);

    /// <summary>Σ over the four even nibbles of each lane of values[nibble] · x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Even(Vector512<int> words, Vector512<float> values, float* x)
    {
        Vector512<float> sum = Avx512F.PermuteVar16x32(values, words) * Vector512.Load(x);
        sum = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, words >>> 8), Vector512.Load(x + 32), sum);
        sum = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, words >>> 16), Vector512.Load(x + 64), sum);
        return Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, words >>> 24), Vector512.Load(x + 96), sum);
    }

    /// <summary>The same over the odd nibbles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Odd(Vector512<int> words, Vector512<float> values, float* x)
    {
        Vector512<float> sum = Avx512F.PermuteVar16x32(values, words >>> 4) * Vector512.Load(x + 16);
        sum = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, words >>> 12), Vector512.Load(x + 48), sum);
        sum = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, words >>> 20), Vector512.Load(x + 80), sum);
        return Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, words >>> 28), Vector512.Load(x + 112), sum);
    }

    /// <summary>The sums of both.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> All(Vector512<int> words, Vector512<float> values, float* x) => Even(words, values, x) + Odd(words, values, x);

    /// <summary>The sums of a group's left vector, lane by lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sums(float* x) => Vector512.Load(x + NibbleOrder.EvenSums) + Vector512.Load(x + NibbleOrder.OddSums);
}
