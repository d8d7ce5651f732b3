using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// 176 bytes for 256 numbers: F16 d · F16 dmin · 12 bytes of scales and minima as in Q4_K · 32 bytes of high bits · 128 bytes of nibbles as in Q4_K.
/// Sub-blocks of 32: value = d·scale·q − dmin·minimum. The fifth bit of element l of sub-block s is bit s of high byte l.
/// </summary>
public sealed unsafe class Q5_KFormat : WeightFormat
{
    private const int Elements = 256, Bytes = 176;

    public override ElementType Type => ElementType.Q5_K;

    public override void DecodeScalar(byte* source, long blocks, float* target)
    {
        for (long block = 0; block < blocks; block++, source += Bytes, target += Elements)
        {
            float d = HalfAt(source), dmin = HalfAt(source + 2);
            byte* high = source + 16;
            for (int sub = 0; sub < 8; sub++)
            {
                (int scale, int minimum) = Q4_KFormat.ScaleAndMinimum(source + 4, sub);
                float factor = d * scale, offset = dmin * minimum;
                byte* packed = source + 48 + sub / 2 * 32;
                int shift = sub % 2 * 4;
                for (int l = 0; l < 32; l++)
                {
                    target[sub * 32 + l] = factor * (((packed[l] >> shift) & 15) + ((high[l] >> sub) & 1) * 16) - offset;
                }
            }
        }
    }
}
