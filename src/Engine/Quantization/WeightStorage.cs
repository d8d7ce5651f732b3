using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>How weights are to be held in memory.</summary>
public sealed record WeightStorage
{
    /// <param name="type">A type that can be encoded.</param>
    /// <param name="doubleQuantization">The scales of 4-bit blocks are quantised too, as <see cref="NestedScales"/>, before they are used.</param>
    /// <param name="blockSize">Elements that share a scale, for 4-bit types: a power of two from 64 to 4096.</param>
    /// <exception cref="ArgumentException">These do not fit together.</exception>
    public WeightStorage(ElementType type, bool doubleQuantization = false, int blockSize = FourBitFormat.Elements)
    {
        bool fourBit = type.CrossesRows();
        if (!WeightEncoder.CanEncode(type) || (doubleQuantization && !fourBit))
        {
            throw new ArgumentException($"Weights cannot be stored as {type}{(doubleQuantization ? " with double quantisation" : "")}.", nameof(type));
        }

        if (fourBit ? !int.IsPow2(blockSize) || blockSize is < FourBitFormat.Elements or > 4096 : blockSize != FourBitFormat.Elements)
        {
            throw new ArgumentException($"{type} has no blocks of {blockSize} elements.", nameof(blockSize));
        }

        (Type, DoubleQuantization, BlockSize) = (type, doubleQuantization, blockSize);
    }

    public ElementType Type { get; }

    public bool DoubleQuantization { get; }

    public int BlockSize { get; }

    public override string ToString() => DoubleQuantization ? $"{Type} with double quantisation" : $"{Type}";
}
