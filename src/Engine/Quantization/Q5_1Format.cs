using System.Runtime.CompilerServices;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// 24 bytes for 32 numbers: F16 d · F16 m · u32 high bits · 16 bytes of low nibbles as in Q4_1; bit j is the fifth bit of element j. value = q·d + m.
/// </summary>
public sealed unsafe class Q5_1Format : WeightFormat
{
    private const int Elements = 32, Bytes = 24;

    public override ElementType Type => ElementType.Q5_1;

    public override void DecodeScalar(byte* source, long blocks, float* target)
    {
        for (long block = 0; block < blocks; block++, source += Bytes, target += Elements)
        {
            float d = HalfAt(source), m = HalfAt(source + 2);
            uint high = Unsafe.ReadUnaligned<uint>(source + 4);
            for (int j = 0; j < 16; j++)
            {
                uint low = (source[8 + j] & 15u) | ((high >> j) & 1) << 4;
                uint upper = ((uint)source[8 + j] >> 4) | ((high >> (j + 16)) & 1) << 4;
                target[j] = (int)low * d + m;
                target[j + 16] = (int)upper * d + m;
            }
        }
    }
}
