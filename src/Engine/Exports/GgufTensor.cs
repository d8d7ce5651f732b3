using System.Runtime.InteropServices;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Exports;

/// <summary>One tensor of a decoder as a GGUF file holds it: its name there, its order of rows, its storage.</summary>
internal sealed class GgufTensor
{
    /// <summary>Elements that exist in F32 at the same time, as far as whole heads allow.</summary>
    private const long ChunkElements = 1 << 20;

    private readonly MergedWeight _weight;

    /// <summary>Rows of one head whose order changes; 0 where rows stay.</summary>
    private readonly long _rotaryRows;

    /// <summary>Added to every element: GGUF files hold the weights of norms with the family's offset.</summary>
    private readonly float _offset;

    public GgufTensor(MergedWeight weight, DecoderSpec spec, bool interleaved)
    {
        _weight = weight;
        _rotaryRows = interleaved && (weight.Name.Contains(".q_proj.", StringComparison.Ordinal) || weight.Name.Contains(".k_proj.", StringComparison.Ordinal))
            ? spec.HeadDim : 0;
        _offset = weight.Name.EndsWith("norm.weight", StringComparison.Ordinal) ? spec.RmsNormOffset : 0;
        Name = new GgufTensorNames(spec).ToGguf(weight.Name) ?? throw new ArgumentException($"{weight.Name} has no name in GGUF.", nameof(weight));
    }

    public string Name { get; }

    private Shape Shape => _weight.Shape;

    private bool IsVector => Shape.Rank == 1;

    /// <summary>
    /// The tensor in a storage. Vectors are F32 always, as llama.cpp asks for; a matrix whose rows are not whole blocks becomes F16, as its converter does.
    /// </summary>
    public TensorSource ToSource(ElementType type)
    {
        ElementType stored = IsVector ? ElementType.F32 : Shape.Columns % type.BlockElements() != 0 ? ElementType.F16 : type;
        return new TensorSource(Name, stored, Shape, stream => Write(stream, stored));
    }

    /// <summary>A vector is read as one column, so that its elements move like rows.</summary>
    private void Write(Stream stream, ElementType type)
    {
        long columns = IsVector ? 1 : Shape.Columns, rows = Shape.Count / columns;
        long unit = _rotaryRows > 0 ? _rotaryRows : 1;
        long chunk = IsVector ? rows : Math.Min(rows, Math.Max(1, ChunkElements / (columns * unit)) * unit);
        float[] values = new float[chunk * columns];
        float[] moved = _rotaryRows > 0 ? new float[values.Length] : values;
        byte[] bytes = new byte[type.Bytes(values.Length)];
        for (long row = 0; row < rows; row += chunk)
        {
            int count = (int)(Math.Min(chunk, rows - row) * columns);
            _weight.ReadRows(row, values.AsSpan(0, count));
            foreach (ref float value in values.AsSpan(0, count))
            {
                value += _offset;
            }

            if (_rotaryRows > 0)
            {
                Interleave(values.AsSpan(0, count), moved, (int)columns, (int)_rotaryRows);
            }

            if (type == ElementType.F32)
            {
                stream.Write(MemoryMarshal.AsBytes(moved.AsSpan(0, count)));
                continue;
            }

            Span<byte> encoded = bytes.AsSpan(0, (int)type.Bytes(count));
            WeightEncoder.Encode(type, moved.AsSpan(0, count), encoded);
            stream.Write(encoded);
        }
    }

    /// <summary>Row 2i + j of each head in GGUF is row j·D/2 + i in Hugging Face's order.</summary>
    private static void Interleave(ReadOnlySpan<float> source, Span<float> target, int columns, int headDim)
    {
        for (int row = 0; row < source.Length / columns; row++)
        {
            int dim = row % headDim;
            int from = row - dim + dim % 2 * (headDim / 2) + dim / 2;
            source.Slice(from * columns, columns).CopyTo(target[(row * columns)..]);
        }
    }
}
