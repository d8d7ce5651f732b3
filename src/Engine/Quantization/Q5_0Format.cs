using System.Runtime.CompilerServices;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// 22 bytes for 32 numbers: F16 d · u32 high bits · 16 bytes of low nibbles as in Q4_0; bit j is the fifth bit of element j. value = (q − 16)·d.
/// </summary>
public sealed unsafe class Q5_0Format : WeightFormat
{
    private const int Elements = 32, Bytes = 22;

    public override ElementType Type => ElementType.Q5_0;

    public override void DecodeScalar(byte* source, long blocks, float* target)
    {
        for (long block = 0; block < blocks; block++, source += Bytes, target += Elements)
        {
            float d = HalfAt(source);
            uint high = Unsafe.ReadUnaligned<uint>(source + 2);
            for (int j = 0; j < 16; j++)
            {
                uint low = (source[6 + j] & 15u) | ((high >> j) & 1) << 4;
                uint upper = ((uint)source[6 + j] >> 4) | ((high >> (j + 16)) & 1) << 4;
                target[j] = ((int)low - 16) * d;
                target[j + 16] = ((int)upper - 16) * d;
            }
        }
    }
}
