using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>Two bytes a number: the upper half of an F32.</summary>
public sealed unsafe class BF16Format : WeightFormat
{
    public override ElementType Type => ElementType.BF16;

    public override bool CanEncode => true;

    /// <summary>Rounds to nearest, ties to even; a NaN stays a NaN and becomes quiet.</summary>
    public static ushort Round(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return (bits & 0x7FFFFFFF) > 0x7F800000 ? (ushort)((bits >> 16) | 64) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    public static float Widen(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    public override void Decode(byte* source, long blocks, float* target)
    {
        long i = 0;
        if (Avx512F.IsSupported)
        {
            for (; i + 16 <= blocks; i += 16)
            {
                Avx512F.ShiftLeftLogical(Avx512F.ConvertToVector512Int32(Vector256.Load((ushort*)source + i)), 16).AsSingle().Store(target + i);
            }
        }
        else if (Avx2.IsSupported)
        {
            for (; i + 8 <= blocks; i += 8)
            {
                Avx2.ShiftLeftLogical(Avx2.ConvertToVector256Int32(Vector128.Load((ushort*)source + i)), 16).AsSingle().Store(target + i);
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
}
