using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>Two bytes a number: IEEE 754 binary16.</summary>
public sealed unsafe class F16Format : WeightFormat
{
    public override ElementType Type => ElementType.F16;

    public override bool CanEncode => true;

    /// <summary>Rounds to nearest, ties to even; too large becomes infinite; a NaN becomes ggml's quiet one with its sign.</summary>
    public static ushort Round(float value) => float.IsNaN(value)
        ? (ushort)(0x7E00 | ((BitConverter.SingleToUInt32Bits(value) >> 16) & 0x8000))
        : BitConverter.HalfToUInt16Bits((Half)value);

    /// <summary>Exact. A NaN keeps its payload.</summary>
    public static float Widen(ushort half)
    {
        uint magnitude = half & 0x7FFFu, sign = (uint)(half & 0x8000) << 16;
        uint bits = magnitude switch
        {
            >= 0x7C00 => (magnitude << 13) | 0x7F800000,
            >= 0x0400 => (magnitude << 13) + (112u << 23),
            _ => BitConverter.SingleToUInt32Bits(magnitude * (1f / (1 << 24))),
        };
        return BitConverter.UInt32BitsToSingle(bits | sign);
    }

    public override void Decode(byte* source, long blocks, float* target)
    {
        long i = 0;
        if (Avx512F.IsSupported)
        {
            for (; i + 16 <= blocks; i += 16)
            {
                Widen(Avx512F.ConvertToVector512UInt32(Vector256.Load((ushort*)source + i))).Store(target + i);
            }
        }
        else if (Avx2.IsSupported)
        {
            for (; i + 8 <= blocks; i += 8)
            {
                Widen(Avx2.ConvertToVector256Int32(Vector128.Load((ushort*)source + i)).AsUInt32()).Store(target + i);
            }
        }

        DecodeScalar(source + i * 2, blocks - i, target + i);
    }

    public override void DecodeScalar(byte* source, long blocks, float* target)
    {
        for (long i = 0; i < blocks; i++)
        {
            target[i] = Widen(Unsafe.ReadUnaligned<ushort>(source + i * 2));
        }
    }

    public override void Encode(float* source, long blocks, byte* target)
    {
        for (long i = 0; i < blocks; i++)
        {
            Unsafe.WriteUnaligned(target + i * 2, Round(source[i]));
        }
    }

    private static Vector512<float> Widen(Vector512<uint> half)
    {
        Vector512<uint> magnitude = half & Vector512.Create(0x7FFFu);
        Vector512<uint> shifted = magnitude << 13;
        Vector512<uint> small = (Vector512.ConvertToSingle(magnitude.AsInt32()) * Vector512.Create(1f / (1 << 24))).AsUInt32();
        Vector512<uint> bits = Vector512.ConditionalSelect(Vector512.LessThan(magnitude, Vector512.Create(0x0400u)), small, shifted + Vector512.Create(112u << 23));
        bits = Vector512.ConditionalSelect(Vector512.LessThan(magnitude, Vector512.Create(0x7C00u)), bits, shifted | Vector512.Create(0x7F800000u));
        return (bits | ((half & Vector512.Create(0x8000u)) << 16)).AsSingle();
    }

    private static Vector256<float> Widen(Vector256<uint> half)
    {
        Vector256<uint> magnitude = half & Vector256.Create(0x7FFFu);
        Vector256<uint> shifted = magnitude << 13;
        Vector256<uint> small = (Vector256.ConvertToSingle(magnitude.AsInt32()) * Vector256.Create(1f / (1 << 24))).AsUInt32();
        Vector256<uint> bits = Vector256.ConditionalSelect(Vector256.LessThan(magnitude, Vector256.Create(0x0400u)), small, shifted + Vector256.Create(112u << 23));
        bits = Vector256.ConditionalSelect(Vector256.LessThan(magnitude, Vector256.Create(0x7C00u)), bits, shifted | Vector256.Create(0x7F800000u));
        return (bits | ((half & Vector256.Create(0x8000u)) << 16)).AsSingle();
    }
}
