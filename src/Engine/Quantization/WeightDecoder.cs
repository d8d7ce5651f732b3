using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>Decodes weights in any storage to F32.</summary>
public static unsafe class WeightDecoder
{
    /// <summary>Every storage that can be decoded.</summary>
    public static IReadOnlyList<WeightFormat> All { get; } =
    [
        new F32Format(), new F16Format(), new BF16Format(), new Q8_0Format(), new Q4_0Format(), new Q4_1Format(), new Q5_0Format(), new Q5_1Format(),
        new IQ4_NLFormat(), new Q2_KFormat(), new Q3_KFormat(), new Q4_KFormat(), new Q5_KFormat(), new Q6_KFormat(),
        new NF4Format(), new FP4Format(),
    ];

    private static readonly WeightFormat?[] ByType = [.. Enum.GetValues<ElementType>().Select(type => All.FirstOrDefault(format => format.Type == type))];

    public static bool CanDecode(ElementType type) => ByType[(int)type] is not null;

    /// <summary>The format of a type; one that holds no weights raises <see cref="Codes.UnsupportedTensorType"/>.</summary>
    public static WeightFormat Format(ElementType type) => ByType[(int)type] ?? throw new FineTuneException(
        Codes.UnsupportedTensorType, $"Weights stored as {type} cannot be used.", $"Use one of {string.Join(", ", All.Select(format => format.Type))}.");

    /// <summary>Decodes whole blocks: <paramref name="source"/> holds exactly the bytes of target.Length elements.</summary>
    public static void Decode(ElementType type, ReadOnlySpan<byte> source, Span<float> target)
    {
        if (type.Bytes(target.Length) != source.Length)
        {
            throw new ArgumentException($"{target.Length} elements of {type} do not take {source.Length} bytes.", nameof(source));
        }

        fixed (byte* from = source)
        fixed (float* to = target)
        {
            Format(type).Decode(from, target.Length / type.BlockElements(), to);
        }
    }

    /// <summary>
    /// Decodes <paramref name="count"/> elements from <paramref name="firstElement"/> of the row or tensor that starts at <paramref name="source"/>;
    /// the run may begin and end inside a block. Nothing is checked.
    /// </summary>
    public static void Decode(ElementType type, byte* source, long firstElement, int count, float* target)
    {
        WeightFormat format = Format(type);
        int elements = type.BlockElements(), bytes = type.BlockBytes();
        byte* block = source + firstElement / elements * bytes;
        int skip = (int)(firstElement % elements);
        if (skip > 0)
        {
            int taken = Math.Min(count, elements - skip);
            DecodePart(format, block, skip, taken, target);
            block += bytes;
            target += taken;
            count -= taken;
        }

        int whole = count / elements;
        if (whole > 0)
        {
            format.Decode(block, whole, target);
        }

        if (count % elements > 0)
        {
            DecodePart(format, block + (long)whole * bytes, 0, count % elements, target + (long)whole * elements);
        }
    }

    /// <summary>All numbers of a tensor, row-major.</summary>
    public static float[] Decode(StoredTensor tensor)
    {
        float[] values = new float[tensor.Shape.Count];
        fixed (float* target = values)
        {
            Decode(tensor.Type, tensor.Pointer, 0, values.Length, target);
        }

        GC.KeepAlive(tensor);
        return values;
    }

    private static void DecodePart(WeightFormat format, byte* block, int skip, int count, float* target)
    {
        const int LargestBlock = 256;
        float* decoded = stackalloc float[LargestBlock];
        format.Decode(block, 1, decoded);
        new ReadOnlySpan<float>(decoded + skip, count).CopyTo(new Span<float>(target, count));
    }
}
