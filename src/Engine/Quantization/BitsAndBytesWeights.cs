using System.Runtime.InteropServices;
using System.Text.Json;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// Matrices that bitsandbytes saved in four bits: codes under the matrix's own name, and beside it NAME.absmax, NAME.quant_map,
/// NAME.quant_state.bitsandbytes__nf4 (JSON) and, with double quantisation, NAME.nested_absmax and NAME.nested_quant_map.
/// They are brought into blocks of <see cref="ElementType.NF4"/> or <see cref="ElementType.FP4"/>; no code changes, and scales are decoded with the file's own map.
/// </summary>
public static unsafe class BitsAndBytesWeights
{
    private const string Scales = ".absmax", State = ".quant_state.bitsandbytes__";

    /// <summary>Whether any matrix of a model is stored so.</summary>
    public static bool AreIn(TensorTable tensors) => tensors.Any(tensor => tensor.Name.Contains(State, StringComparison.Ordinal));

    /// <summary>The matrix of that name as blocks in memory of its own, or null where it is not stored so.</summary>
    /// <param name="path">The model, for messages.</param>
    /// <exception cref="FineTuneException">FT0302 or FT0304: the parts do not fit together, or are of a kind that is not read.</exception>
    public static StoredTensor? Find(TensorTable tensors, string name, string path)
    {
        if (tensors.Find(name) is not { } codes || tensors.Find(name + Scales) is not { } scales)
        {
            return null;
        }

        (ElementType type, StoredTensor stateTensor) =
            tensors.Find($"{name}{State}nf4") is { } nf4 ? (ElementType.NF4, nf4)
            : tensors.Find($"{name}{State}fp4") is { } fp4 ? (ElementType.FP4, fp4)
            : throw Unsupported(name, path, "has no quant_state of nf4 or fp4");
        QuantState state = QuantState.Read(stateTensor, path);
        long count = state.Shape.Count, blocks = (count + FourBitFormat.Elements - 1) / FourBitFormat.Elements;
        FourBitCodebook codebook = type == ElementType.NF4 ? FourBitCodebook.NF4 : FourBitCodebook.FP4;
        if (!Floats(tensors, $"{name}.quant_map", 16, path).AsSpan().SequenceEqual(codebook.Values))
        {
            throw Unsupported(name, path, "uses another table of 16 numbers than bitsandbytes");
        }

        if (codes.Bytes != (count + 1) / 2)
        {
            throw Damaged(name, path, $"has {codes.Bytes} bytes of codes for the shape {state.Shape}");
        }

        float[] decoded = DecodeScales(tensors, name, scales, (count + state.BlockSize - 1) / state.BlockSize, state, path);
        var buffer = new NativeBuffer(type.Bytes(state.Shape));
        int blocksOfScale = state.BlockSize / FourBitFormat.Elements;
        for (long block = 0; block < blocks; block++)
        {
            const int CodeBytes = FourBitFormat.Elements / 2;
            byte* target = buffer.Pointer + block * FourBitFormat.Bytes;
            FourBitFormat.SetScale(target, decoded[block / blocksOfScale]);
            long bytes = Math.Min(CodeBytes, codes.Bytes - block * CodeBytes);
            Buffer.MemoryCopy(codes.Pointer + block * CodeBytes, target + sizeof(float), CodeBytes, bytes);
        }

        return new StoredTensor(name, type, state.Shape, buffer.Pointer, buffer.Length, buffer);
    }

    private static float[] DecodeScales(TensorTable tensors, string name, StoredTensor scales, long count, QuantState state, string path)
    {
        if (scales.Type == ElementType.F32)
        {
            return Floats(tensors, name + Scales, count, path);
        }

        if (scales.Type != ElementType.U8 || scales.Shape.Count != count || state.NestedMean is not { } mean)
        {
            throw Damaged(name, path, $"has scales of the shape {scales.Shape} and the type {scales.Type} for {count} blocks");
        }

        float[] blockScales = Floats(tensors, $"{name}.nested_absmax", (count + NestedScales.BlockSize - 1) / NestedScales.BlockSize, path);
        return new NestedScales(scales.Span.ToArray(), blockScales, mean).Decode(Floats(tensors, $"{name}.nested_quant_map", 256, path));
    }

    private static float[] Floats(TensorTable tensors, string name, long count, string path) =>
        tensors.Find(name) is { Type: ElementType.F32 } tensor && tensor.Shape.Count == count ? MemoryMarshal.Cast<byte, float>(tensor.Span).ToArray()
        : throw Damaged(name, path, $"is missing or does not hold {count} F32 numbers");

    private static FineTuneException Damaged(string name, string path, string what) => new(
        Codes.BadSafetensors, $"The 4-bit tensor '{name}' {what}.", "Download the model again; its parts do not fit together.", new SourcePosition(path));

    private static FineTuneException Unsupported(string name, string path, string what) => new(
        Codes.UnsupportedTensorType, $"The tensor '{name}' {what}.", "Use the model in 16 bits; Quantization nf4 quantises it while it is loaded.",
        new SourcePosition(path));

    /// <summary>The JSON beside the codes.</summary>
    private sealed record QuantState(Shape Shape, int BlockSize, float? NestedMean)
    {
        public static QuantState Read(StoredTensor stored, string path)
        {
            try
            {
                JsonElement json = JsonDocument.Parse(stored.Span.ToArray()).RootElement;
                long[] extents = [.. json.GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt64())];
                int blockSize = json.GetProperty("blocksize").GetInt32();
                if (extents is not [> 0, > 0] || extents[0] > (1L << 40) / extents[1])
                {
                    throw Damaged(stored.Name, path, "states no shape of a matrix");
                }

                if (blockSize < FourBitFormat.Elements || blockSize > 4096 || !int.IsPow2(blockSize))
                {
                    throw Unsupported(stored.Name, path, $"has blocks of {blockSize}; read are powers of two from {FourBitFormat.Elements} to 4096");
                }

                bool nested = json.TryGetProperty("nested_blocksize", out JsonElement nestedSize);
                return nested && nestedSize.GetInt32() != NestedScales.BlockSize
                    ? throw Unsupported(stored.Name, path, $"has scales in blocks of {nestedSize.GetInt32()}; read are {NestedScales.BlockSize}")
                    : new QuantState(new Shape(extents), blockSize, nested ? json.GetProperty("nested_offset").GetSingle() : null);
            }
            catch (Exception failure) when (failure is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
            {
                throw Damaged(stored.Name, path, "is no JSON that says shape and blocksize");
            }
        }
    }
}
