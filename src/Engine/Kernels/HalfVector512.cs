using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FineTuneTool.Engine.Kernels;

/// <summary>Half-precision numbers to floats, for scales of blocks.</summary>
internal static class HalfVector512
{
    /// <summary>2¹²⁷, 2⁹⁷ and 2⁻¹¹²: together 2¹¹², the difference of the exponents' biases; the way goes by where infinity overflows.</summary>
    private const float Up = 1.7014118e38f, FurtherUp = 1.58456325e29f, Down = 1.92592994e-34f;

    /// <summary>
    /// The halves in the upper 16 bits of each lane; what is below counts nothing. Exact, also for denormals; not a number becomes infinite.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> WidenUpper(Vector512<int> halves)
    {
        // The shift copies the sign over three bits, which are then cleared, and leaves exponent and mantissa where a float has them.
        Vector512<float> small = ((halves >> 3) & Vector512.Create(unchecked((int)0x8FFFE000))).AsSingle();
        return small * Vector512.Create(Up) * Vector512.Create(FurtherUp) * Vector512.Create(Down);
    }
}
