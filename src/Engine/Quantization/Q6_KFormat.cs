using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// 210 bytes for 256 numbers: 128 bytes of low nibbles · 64 bytes of upper 2 bits · i8 scales[16] · F16 d. Sub-blocks of 16: value = d·scale·(q − 32).
/// Of each 128 numbers, element l + 32·g (g = 0 … 3) has its low bits in byte l + 32·(g % 2), low nibble for g &lt; 2, and its upper bits in byte l at bit 2·g.
/// </summary>
public sealed unsafe class Q6_KFormat : WeightFormat
{
    private const int Elements = 256, Bytes = 210;

    public override ElementType Type => ElementType.Q6_K;

    public override void DecodeScalar(byte* source, long blocks, float* target)
    {
        for (long block = 0; block < blocks; block++, source += Bytes, target += Elements)
        {
            float d = HalfAt(source + 208);
            for (int group = 0; group < 8; group++)
            {
                int half = group / 4, g = group % 4;
                byte* low = source + half * 64 + g % 2 * 32;
                byte* high = source + 128 + half * 32;
                sbyte* scales = (sbyte*)source + 192 + group * 2;
                for (int l = 0; l < 32; l++)
                {
                    int q = ((low[l] >> (g / 2 * 4)) & 15) | ((high[l] >> (g * 2)) & 3) << 4;
                    target[group * 32 + l] = d * scales[l / 16] * (q - 32);
                }
            }
        }
    }
}
