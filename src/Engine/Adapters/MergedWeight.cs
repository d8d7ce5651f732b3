using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>
/// One tensor of base plus adapter under its Hugging Face name, such as fp32(W) + s·(B·A), computed when it is read. Reading changes nothing in the decoder.
/// </summary>
public sealed class MergedWeight
{
    /// <summary>Elements that exist in F32 at the same time.</summary>
    private const int ChunkElements = 1 << 20;

    private readonly Backend _backend;
    private readonly Weight _weight;
    private readonly Tensor _source;
    private readonly Change? _change;

    internal MergedWeight(Backend backend, Weight weight, Replacement? replacement, Change? change)
    {
        (_backend, _weight, _source, _change) = (backend, weight, replacement?.Value ?? weight.Base, change);
        IsAdapted = replacement is not null || change is not null;
    }

    /// <summary>Turns rows (n, K), F32, of the base from <paramref name="firstRow"/> on into merged ones. A vector is one row.</summary>
    internal delegate void Change(Backend backend, Tensor rows, long firstRow);

    public string Name => _weight.Name;

    public Shape Shape => _weight.Shape;

    /// <summary>The adapter changes this tensor.</summary>
    public bool IsAdapted { get; }

    /// <summary>Reads rows from <paramref name="firstRow"/> on; <paramref name="values"/> holds whole rows. A vector is one row.</summary>
    public void ReadRows(long firstRow, Span<float> values)
    {
        _backend.Read(_source, values, firstRow * Shape.Columns);
        if (_change is not null)
        {
            using Tensor rows = _backend.Allocate(Shape.Rank == 1 ? Shape : new Shape(values.Length / Shape.Columns, Shape.Columns));
            _backend.Write(rows, values);
            _change(_backend, rows, firstRow);
            _backend.Read(rows, values);
        }
    }

    /// <summary>The same rows without the adapter.</summary>
    public void ReadBaseRows(long firstRow, Span<float> values) => _backend.Read(_weight.Base, values, firstRow * Shape.Columns);

    /// <summary>The tensor as it is written to a file, rounded once (to nearest, ties to even). F32, F16 or BF16.</summary>
    public TensorSource ToSource(ElementType type) => new(Name, type, Shape, stream => Write(stream, type));

    /// <summary>Every row once, in pieces of whole rows.</summary>
    internal IEnumerable<(long FirstRow, int Elements)> Pieces()
    {
        long columns = Shape.Columns, rowsAtOnce = Math.Max(1, ChunkElements / columns);
        for (long row = 0; row < Shape.Rows; row += rowsAtOnce)
        {
            yield return (row, (int)(Math.Min(rowsAtOnce, Shape.Rows - row) * columns));
        }
    }

    private void Write(Stream stream, ElementType type)
    {
        float[] chunk = new float[Pieces().First().Elements];
        byte[] encoded = new byte[type.Bytes(chunk.Length)];
        foreach ((long row, int elements) in Pieces())
        {
            Span<float> values = chunk.AsSpan(0, elements);
            Span<byte> bytes = encoded.AsSpan(0, (int)type.Bytes(elements));
            ReadRows(row, values);
            WeightEncoder.Encode(type, values, bytes);
            stream.Write(bytes);
        }
    }
}
