using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FineTuneTool.Engine.Kernels;

/// <summary>Sums over the lanes of four rows at a time: less than the work of one after another.</summary>
internal static unsafe class RowSums512
{
    /// <summary>dots[i] = the sum of sums[i], i &lt; count ≤ 4; the others are read but count nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float>* sums, int count, float* dots)
    {
        Vector128<float> four = Simd512.Sums(sums[0], sums[1], sums[2], sums[3]);
        if (count == 4)
        {
            four.Store(dots);
            return;
        }

        for (int i = 0; i < count; i++)
        {
            dots[i] = four[i];
        }
    }
}
