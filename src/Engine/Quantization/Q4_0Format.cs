using System.Runtime.Intrinsics;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// 18 bytes for 32 numbers: F16 d · 16 bytes, byte j holding element j in the low nibble and j + 16 in the high one. value = (q − 8)·d.
/// </summary>
public sealed unsafe class Q4_0Format : WeightFormat
{
    private const int Elements = 32, Bytes = 18;

    public override ElementType Type => ElementType.Q4_0;

    public override void Decode(byte* source, long blocks, float* target)
    {
        if (!Lanes.AreSupported)
        {
            DecodeScalar(source, blocks, target);
            return;
        }

        Vector128<byte> nibble = Vector128.Create((byte)15);
        Vector128<sbyte> eight = Vector128.Create((sbyte)8);
        for (long block = 0; block < blocks; block++, source += Bytes, target += Elements)
        {
            float d = HalfAt(source);
            Vector128<byte> packed = Vector128.Load(source + 2);
            Lanes.Scale((packed & nibble).AsSByte() - eight, d, target);
            Lanes.Scale(((packed.AsUInt16() >> 4).AsByte() & nibble).AsSByte() - eight, d, target + 16);
        }
    }

    public override void DecodeScalar(byte* source, long blocks, float* target)
    {
        for (long block = 0; block < blocks; block++, source += Bytes, target += Elements)
        {
            float d = HalfAt(source);
            for (int j = 0; j < 16; j++)
            {
                target[j] = ((source[2 + j] & 15) - 8) * d;
                target[j + 16] = ((source[2 + j] >> 4) - 8) * d;
            }
        }
    }
}
