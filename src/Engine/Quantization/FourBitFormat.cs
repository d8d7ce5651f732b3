using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// 36 bytes for 64 numbers: F32 scale · 32 bytes, two codes each, the earlier element in the high nibble. value = codebook[code] · scale.
/// Numbers are those of bitsandbytes. Its larger quantisation blocks repeat their scale; nested scales are stored as they decode.
/// </summary>
public abstract unsafe class FourBitFormat(ElementType type, FourBitCodebook codebook) : WeightFormat
{
    internal const int Elements = 64, Bytes = 36;

    public override ElementType Type => type;

    public override bool CanEncode => true;

    public override void Decode(byte* source, long blocks, float* target)
    {
        if (Avx512F.IsSupported)
        {
            Decode512(source, blocks, target);
        }
        else if (Avx2.IsSupported)
        {
            Decode256(source, blocks, target);
        }
        else
        {
            DecodeScalar(source, blocks, target);
        }
    }

    public override void DecodeScalar(byte* source, long blocks, float* target)
    {
        ReadOnlySpan<float> values = codebook.Values;
        for (long block = 0; block < blocks; block++, source += Bytes)
        {
            float scale = Scale(source);
            for (int j = 4; j < Bytes; j++, target += 2)
            {
                target[0] = values[source[j] >> 4] * scale;
                target[1] = values[source[j] & 15] * scale;
            }
        }
    }

    public override void Encode(float* source, long blocks, byte* target) => Encode(source, blocks, 1, target);

    /// <summary>Encodes with one scale for each <paramref name="blocksOfScale"/> blocks; the last of them may be fewer.</summary>
    internal void Encode(float* source, long blocks, int blocksOfScale, byte* target)
    {
        for (long first = 0; first < blocks; first += blocksOfScale)
        {
            long end = Math.Min(first + blocksOfScale, blocks);
            float scale = FourBitCodebook.LargestMagnitude(source + first * Elements, (end - first) * Elements);
            for (long block = first; block < end; block++)
            {
                SetScale(target + block * Bytes, scale);
                codebook.Pack(source + block * Elements, Elements, scale, target + block * Bytes + 4);
            }
        }
    }

    internal static float Scale(byte* block) => Unsafe.ReadUnaligned<float>(block);

    internal static void SetScale(byte* block, float scale) => Unsafe.WriteUnaligned(block, scale);

    /// <summary>The products of a block's scale with all codes are made once; the lookup of 16 numbers reads the low four bits of each index.</summary>
    private void Decode512(byte* source, long blocks, float* target)
    {
        Vector512<float> values = Vector512.Create(codebook.Values);
        for (long block = 0; block < blocks; block++, source += Bytes, target += Elements)
        {
            Vector512<float> scaled = values * Scale(source);
            Lookup512(Vector128.Load(source + 4), scaled, target);
            Lookup512(Vector128.Load(source + 20), scaled, target + 32);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Lookup512(Vector128<byte> packed, Vector512<float> scaled, float* target)
    {
        Vector128<byte> even = (packed.AsUInt16() >> 4).AsByte();
        Vector512<int> first = Avx512F.ConvertToVector512Int32(Sse2.UnpackLow(even, packed));
        Vector512<int> second = Avx512F.ConvertToVector512Int32(Sse2.UnpackHigh(even, packed));
        Avx512F.PermuteVar16x32(scaled, first).Store(target);
        Avx512F.PermuteVar16x32(scaled, second).Store(target + 16);
    }

    internal void Decode256(byte* source, long blocks, float* target)
    {
        Vector256<float> lower = Vector256.Create(codebook.Values[..8]), upper = Vector256.Create(codebook.Values[8..]);
        for (long block = 0; block < blocks; block++, source += Bytes, target += Elements)
        {
            Vector256<float> scaledLower = lower * Scale(source), scaledUpper = upper * Scale(source);
            for (int j = 0; j < 32; j += 8)
            {
                Vector128<byte> packed = Vector128.CreateScalar(Unsafe.ReadUnaligned<ulong>(source + 4 + j)).AsByte();
                Vector128<byte> codes = Sse2.UnpackLow((packed.AsUInt16() >> 4).AsByte(), packed);
                Lookup256(codes, scaledLower, scaledUpper, target + 2 * j);
                Lookup256(Sse2.ShiftRightLogical128BitLane(codes, 8), scaledLower, scaledUpper, target + 2 * j + 8);
            }
        }
    }

    /// <summary>The lookup of 8 numbers reads the low three bits of an index; the fourth, moved to the sign, chooses the half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Lookup256(Vector128<byte> codes, Vector256<float> lower, Vector256<float> upper, float* target)
    {
        Vector256<int> indices = Avx2.ConvertToVector256Int32(codes);
        Avx.BlendVariable(Avx2.PermuteVar8x32(lower, indices), Avx2.PermuteVar8x32(upper, indices), (indices << 28).AsSingle()).Store(target);
    }
}
