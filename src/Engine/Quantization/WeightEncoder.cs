using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>Encodes F32 numbers into the storages that can be written.</summary>
public static unsafe class WeightEncoder
{
    /// <summary>Every storage that can be written.</summary>
    public static IReadOnlyList<WeightFormat> All { get; } = [.. WeightDecoder.All.Where(format => format.CanEncode)];

    public static bool CanEncode(ElementType type) => All.Any(format => format.Type == type);

    /// <summary>Encodes whole blocks: <paramref name="target"/> holds exactly the bytes of source.Length elements.</summary>
    public static void Encode(ElementType type, ReadOnlySpan<float> source, Span<byte> target)
    {
        if (type.Bytes(source.Length) != target.Length)
        {
            throw new ArgumentException($"{source.Length} elements of {type} do not take {target.Length} bytes.", nameof(target));
        }

        fixed (float* from = source)
        fixed (byte* to = target)
        {
            WeightDecoder.Format(type).Encode(from, source.Length / type.BlockElements(), to);
        }
    }
}
