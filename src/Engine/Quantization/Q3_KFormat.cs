using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// 110 bytes for 256 numbers: 32 bytes of high bits · 64 bytes of low 2 bits (placed as in Q2_K) · 12 bytes of sixteen 6-bit scales · F16 d.
/// Sub-blocks of 16: value = d·(scale − 32)·(q − 4 where the high bit is clear). Scale j &lt; 8: low nibble of byte j, j ≥ 8: high nibble of byte j − 8;
/// its upper two bits lie in byte 8 + j % 4 at bit 2·(j / 4). High bit of group g (of 32): bit g of byte l.
/// </summary>
public sealed unsafe class Q3_KFormat : WeightFormat
{
    private const int Elements = 256, Bytes = 110;

    public override ElementType Type => ElementType.Q3_K;

    public override void DecodeScalar(byte* source, long blocks, float* target)
    {
        for (long block = 0; block < blocks; block++, source += Bytes, target += Elements)
        {
            byte* high = source, quants = source + 32, scales = source + 96;
            float d = HalfAt(source + 108);
            for (int sub = 0; sub < 16; sub++)
            {
                int low = sub < 8 ? scales[sub] & 15 : scales[sub - 8] >> 4;
                float scale = d * ((low | ((scales[8 + sub % 4] >> (sub / 4 * 2)) & 3) << 4) - 32);
                byte* packed = quants + sub / 8 * 32 + sub % 2 * 16;
                byte* bits = high + sub % 2 * 16;
                int shift = sub % 8 / 2 * 2, mask = 1 << (sub / 2);
                for (int l = 0; l < 16; l++)
                {
                    target[sub * 16 + l] = scale * (((packed[l] >> shift) & 3) - ((bits[l] & mask) != 0 ? 0 : 4));
                }
            }
        }
    }
}
