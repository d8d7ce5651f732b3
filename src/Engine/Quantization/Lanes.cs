using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FineTuneTool.Engine.Quantization;

/// <summary>Sixteen small integers to floats, times a factor, plus an offset: product and sum rounded one after the other, as the scalar form does.</summary>
internal static unsafe class Lanes
{
    /// <summary>Whether the methods here run on this machine.</summary>
    public static bool AreSupported => Avx2.IsSupported;

    /// <summary>target[i] = values[i] · factor for 16 signed bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(Vector128<sbyte> values, float factor, float* target)
    {
        if (Avx512F.IsSupported)
        {
            (Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(values)) * Vector512.Create(factor)).Store(target);
        }
        else
        {
            (Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(values)) * Vector256.Create(factor)).Store(target);
            Vector128<sbyte> upper = Sse2.ShiftRightLogical128BitLane(values, 8);
            (Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(upper)) * Vector256.Create(factor)).Store(target + 8);
        }
    }

    /// <summary>target[i] = values[i] · factor + offset for 16 unsigned bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScaleAndAdd(Vector128<byte> values, float factor, float offset, float* target)
    {
        if (Avx512F.IsSupported)
        {
            Vector512<float> product = Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(values)) * Vector512.Create(factor);
            (product + Vector512.Create(offset)).Store(target);
        }
        else
        {
            Vector256<float> product = Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(values)) * Vector256.Create(factor);
            (product + Vector256.Create(offset)).Store(target);
            Vector128<byte> upper = Sse2.ShiftRightLogical128BitLane(values, 8);
            product = Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(upper)) * Vector256.Create(factor);
            (product + Vector256.Create(offset)).Store(target + 8);
        }
    }
}
