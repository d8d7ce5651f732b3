using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// 18 bytes for 32 numbers: F16 d · 16 bytes of nibbles as in Q4_0, each an index into a fixed table of 16 uneven steps. value = d·table[q].
/// </summary>
public sealed unsafe class IQ4_NLFormat : WeightFormat
{
    private const int Elements = 32, Bytes = 18;

    public override ElementType Type => ElementType.IQ4_NL;

    private static ReadOnlySpan<sbyte> Table => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    public override void DecodeScalar(byte* source, long blocks, float* target)
    {
        ReadOnlySpan<sbyte> table = Table;
        for (long block = 0; block < blocks; block++, source += Bytes, target += Elements)
        {
            float d = HalfAt(source);
            for (int j = 0; j < 16; j++)
            {
                target[j] = d * table[source[2 + j] & 15];
                target[j + 16] = d * table[source[2 + j] >> 4];
            }
        }
    }
}
