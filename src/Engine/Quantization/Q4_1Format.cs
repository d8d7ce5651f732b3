using System.Runtime.Intrinsics;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// 20 bytes for 32 numbers: F16 d · F16 m · 16 bytes, byte j holding element j in the low nibble and j + 16 in the high one. value = q·d + m.
/// </summary>
public sealed unsafe class Q4_1Format : WeightFormat
{
    private const int Elements = 32, Bytes = 20;

    public override ElementType Type => ElementType.Q4_1;

    public override void Decode(byte* source, long blocks, float* target)
    {
        if (!Lanes.AreSupported)
        {
            DecodeScalar(source, blocks, target);
            return;
        }

        Vector128<byte> nibble = Vector128.Create((byte)15);
        for (long block = 0; block < blocks; block++, source += Bytes, target += Elements)
        {
            float d = HalfAt(source), m = HalfAt(source + 2);
            Vector128<byte> packed = Vector128.Load(source + 4);
            Lanes.ScaleAndAdd(packed & nibble, d, m, target);
            Lanes.ScaleAndAdd((packed.AsUInt16() >> 4).AsByte() & nibble, d, m, target + 16);
        }
    }

    public override void DecodeScalar(byte* source, long blocks, float* target)
    {
        for (long block = 0; block < blocks; block++, source += Bytes, target += Elements)
        {
            float d = HalfAt(source), m = HalfAt(source + 2);
            for (int j = 0; j < 16; j++)
            {
                target[j] = (source[4 + j] & 15) * d + m;
                target[j + 16] = (source[4 + j] >> 4) * d + m;
            }
        }
    }
}
