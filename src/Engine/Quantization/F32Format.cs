using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>Four bytes a number.</summary>
public sealed unsafe class F32Format : WeightFormat
{
    public override ElementType Type => ElementType.F32;

    public override bool CanEncode => true;

    public override void DecodeScalar(byte* source, long blocks, float* target) => Buffer.MemoryCopy(source, target, blocks * 4, blocks * 4);

    public override void Encode(float* source, long blocks, byte* target) => Buffer.MemoryCopy(source, target, blocks * 4, blocks * 4);
}
