using System.Runtime.Intrinsics;

namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// The sixteen numbers that a 4-bit code stands for, on a scale from −1 to 1, and the choice of the nearest: the tables of bitsandbytes.
/// Dettmers et al., "QLoRA: Efficient finetuning of quantized LLMs", 2023.
/// </summary>
public sealed unsafe class FourBitCodebook
{
    /// <summary>The smallest divisor of a block: the reciprocal of a smaller one would overflow.</summary>
    private const float SmallestScale = 1e-38f;

    /// <summary>By rank: the midpoint above a number, and its code.</summary>
    private readonly float[] _midpoints;
    private readonly byte[] _codes;
    private readonly float[] _values;

    private FourBitCodebook(params uint[] bits)
    {
        _values = [.. bits.Select(BitConverter.UInt32BitsToSingle)];
        // A stable sort: of two codes of the same value the lower comes first.
        _codes = [.. Enumerable.Range(0, _values.Length).OrderBy(code => _values[code]).Select(code => (byte)code)];
        _midpoints = [.. Enumerable.Range(0, _values.Length - 1).Select(rank => (_values[_codes[rank]] + _values[_codes[rank + 1]]) / 2)];
    }

    /// <summary>Quantiles of the normal distribution, with an exact zero.</summary>
    public static FourBitCodebook NF4 { get; } = new(
        0xbf800000, 0xbf3239b1, 0xbf066b30, 0xbeca32a0, 0xbe91a24d, 0xbe3d353f, 0xbdba7871, 0x00000000,
        0x3da2faff, 0x3e24cae3, 0x3e7c04dd, 0x3ead033a, 0x3ee1a4b8, 0x3f1007ab, 0x3f3913b3, 0x3f800000);

    /// <summary>Floating-point numbers of 4 bits; both zeros are positive.</summary>
    public static FourBitCodebook FP4 { get; } = new(
        0x00000000, 0x3baaaaab, 0x3f2aaaab, 0x3f800000, 0x3eaaaaab, 0x3f000000, 0x3e2aaaab, 0x3e800000,
        0x00000000, 0xbbaaaaab, 0xbf2aaaab, 0xbf800000, 0xbeaaaaab, 0xbf000000, 0xbe2aaaab, 0xbe800000);

    /// <summary>The number of each code.</summary>
    public ReadOnlySpan<float> Values => _values;

    /// <summary>
    /// Packs the codes of a block of any length, two a byte, the first in the high nibble; an odd length is filled up with a zero.
    /// x · (1 / max|x|) takes the code of the rank that counts the midpoints below it, so that a tie goes to the lower number.
    /// </summary>
    /// <returns>max|x|, by which the codes' numbers are to be multiplied.</returns>
    public float Encode(ReadOnlySpan<float> values, Span<byte> packed)
    {
        fixed (float* source = values)
        fixed (byte* target = packed[..((values.Length + 1) / 2)])
        {
            float scale = LargestMagnitude(source, values.Length);
            Pack(source, values.Length, scale, target);
            return scale;
        }
    }

    internal static float LargestMagnitude(float* values, long count)
    {
        Vector256<float> largest = default;
        long i = 0;
        for (; i + 8 <= count; i += 8)
        {
            largest = Vector256.Max(largest, Vector256.Abs(Vector256.Load(values + i)));
        }

        float result = 0;
        for (int lane = 0; lane < 8; lane++)
        {
            result = MathF.Max(result, largest[lane]);
        }

        for (; i < count; i++)
        {
            result = MathF.Max(result, MathF.Abs(values[i]));
        }

        return result;
    }

    internal void Pack(float* values, long count, float scale, byte* packed)
    {
        float inverse = 1 / MathF.Max(scale, SmallestScale);
        float* run = stackalloc float[8];
        for (long i = 0; i < count; i += 8)
        {
            int taken = (int)Math.Min(8, count - i);
            for (int lane = 0; lane < 8; lane++)
            {
                run[lane] = lane < taken ? values[i + lane] : 0;
            }

            Vector256<int> ranks = Ranks(Vector256.Load(run) * inverse);
            for (int lane = 0; lane < taken; lane += 2)
            {
                packed[(i + lane) / 2] = (byte)((_codes[ranks[lane]] << 4) | _codes[ranks[lane + 1]]);
            }
        }
    }

    private Vector256<int> Ranks(Vector256<float> values)
    {
        Vector256<int> ranks = default;
        foreach (float midpoint in _midpoints)
        {
            ranks -= Vector256.GreaterThan(values, Vector256.Create(midpoint)).AsInt32();
        }

        return ranks;
    }
}
