using System.Runtime.Intrinsics;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// 34 bytes for 32 numbers: F16 d · i8 q[32]. value = q·d.
/// Encoding: d = max|x| / 127, q = x / d rounded half away from zero, both with the d that is not yet rounded to F16.
/// </summary>
public sealed unsafe class Q8_0Format : WeightFormat
{
    private const int Elements = 32, Bytes = 34;

    public override ElementType Type => ElementType.Q8_0;

    public override bool CanEncode => true;

    public override void Decode(byte* source, long blocks, float* target)
    {
        if (!Lanes.AreSupported)
        {
            DecodeScalar(source, blocks, target);
            return;
        }

        for (long block = 0; block < blocks; block++, source += Bytes, target += Elements)
        {
            float d = HalfAt(source);
            Lanes.Scale(Vector128.Load((sbyte*)source + 2), d, target);
            Lanes.Scale(Vector128.Load((sbyte*)source + 18), d, target + 16);
        }
    }

    public override void DecodeScalar(byte* source, long blocks, float* target)
    {
        for (long block = 0; block < blocks; block++, source += Bytes, target += Elements)
        {
            float d = HalfAt(source);
            for (int j = 0; j < Elements; j++)
            {
                target[j] = (sbyte)source[2 + j] * d;
            }
        }
    }

    public override void Encode(float* source, long blocks, byte* target)
    {
        for (long block = 0; block < blocks; block++, source += Elements, target += Bytes)
        {
            float largest = 0;
            for (int j = 0; j < Elements; j++)
            {
                float magnitude = MathF.Abs(source[j]);
                largest = largest > magnitude ? largest : magnitude;
            }

            float d = largest / 127;
            float inverse = d != 0 ? 1 / d : 0;
            WriteHalf(target, d);
            for (int j = 0; j < Elements; j++)
            {
                // Denormal numbers make the inverse infinite; the conversion of ggml's x86 build then leaves 0.
                float q = MathF.Round(source[j] * inverse, MidpointRounding.AwayFromZero);
                target[2 + j] = float.IsFinite(q) ? (byte)(int)q : (byte)0;
            }
        }
    }
}
