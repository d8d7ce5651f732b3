using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// One way to store the numbers of a weight: blocks of bytes to and from F32. Decoding equals ggml's bit for bit (products and sums in F32,
/// in its order, never fused); so a vector path equals the scalar one.
/// </summary>
public abstract unsafe class WeightFormat
{
    public abstract ElementType Type { get; }

    /// <summary>Decodes whole blocks. <paramref name="target"/> receives blocks · BlockElements floats.</summary>
    public virtual void Decode(byte* source, long blocks, float* target) => DecodeScalar(source, blocks, target);

    /// <summary>The plain form that defines the result.</summary>
    public abstract void DecodeScalar(byte* source, long blocks, float* target);

    /// <summary>Whether <see cref="Encode"/> exists.</summary>
    public virtual bool CanEncode => false;

    /// <summary>Encodes whole blocks as ggml does, bit for bit.</summary>
    public virtual void Encode(float* source, long blocks, byte* target) => throw new NotSupportedException($"{Type} cannot be written.");

    /// <summary>The half-precision number at a place that need not be aligned.</summary>
    private protected static float HalfAt(byte* place) => F16Format.Widen((ushort)(place[0] | (place[1] << 8)));

    private protected static void WriteHalf(byte* place, float value)
    {
        ushort bits = F16Format.Round(value);
        place[0] = (byte)bits;
        place[1] = (byte)(bits >> 8);
    }
}
