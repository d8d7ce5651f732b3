using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// 144 bytes for 256 numbers: F16 d · F16 dmin · 12 bytes of eight 6-bit scales and minima · 128 bytes of nibbles.
/// Sub-blocks of 32: value = d·scale·q − dmin·minimum. Each 64 numbers take 32 bytes: the first 32 in the low nibbles, the next in the high ones.
/// </summary>
public sealed unsafe class Q4_KFormat : WeightFormat
{
    private const int Elements = 256, Bytes = 144;

    public override ElementType Type => ElementType.Q4_K;

    /// <summary>
    /// Scale and minimum j of 8. j &lt; 4: low 6 bits of bytes j and j + 4. j ≥ 4: low and high nibble of byte j + 4, upper two bits from the tops of
    /// bytes j − 4 and j.
    /// </summary>
    internal static (int Scale, int Minimum) ScaleAndMinimum(byte* scales, int j) => j < 4
        ? (scales[j] & 63, scales[j + 4] & 63)
        : ((scales[j + 4] & 15) | (scales[j - 4] >> 6) << 4, (scales[j + 4] >> 4) | (scales[j] >> 6) << 4);

    public override void DecodeScalar(byte* source, long blocks, float* target)
    {
        for (long block = 0; block < blocks; block++, source += Bytes, target += Elements)
        {
            float d = HalfAt(source), dmin = HalfAt(source + 2);
            for (int sub = 0; sub < 8; sub++)
            {
                (int scale, int minimum) = ScaleAndMinimum(source + 4, sub);
                float factor = d * scale, offset = dmin * minimum;
                byte* packed = source + 16 + sub / 2 * 32;
                int shift = sub % 2 * 4;
                for (int l = 0; l < 32; l++)
                {
                    target[sub * 32 + l] = factor * ((packed[l] >> shift) & 15) - offset;
                }
            }
        }
    }
}
