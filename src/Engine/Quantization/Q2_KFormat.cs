using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// 84 bytes for 256 numbers: u8 scales[16] (low nibble scale, high nibble minimum) · 64 bytes of 2-bit q · F16 d · F16 dmin.
/// Sub-blocks of 16: value = d·scale·q − dmin·minimum. Of each 128 numbers, 32 bytes hold elements l, l + 32, l + 64 and l + 96 at bits 0, 2, 4 and 6.
/// </summary>
public sealed unsafe class Q2_KFormat : WeightFormat
{
    private const int Elements = 256, Bytes = 84;

    public override ElementType Type => ElementType.Q2_K;

    public override void DecodeScalar(byte* source, long blocks, float* target)
    {
        for (long block = 0; block < blocks; block++, source += Bytes, target += Elements)
        {
            byte* scales = source, quants = source + 16;
            float d = HalfAt(source + 80), dmin = HalfAt(source + 82);
            for (int sub = 0; sub < 16; sub++)
            {
                float scale = d * (scales[sub] & 15), minimum = dmin * (scales[sub] >> 4);
                byte* packed = quants + sub / 8 * 32 + sub % 2 * 16;
                int shift = sub % 8 / 2 * 2;
                for (int l = 0; l < 16; l++)
                {
                    target[sub * 16 + l] = scale * ((packed[l] >> shift) & 3) - minimum;
                }
            }
        }
    }
}
