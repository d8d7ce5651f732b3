using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>
/// One tensor of base plus adapter under its Hugging Face name: fp32(W) + s·(B·A), computed when it is read. Reading changes nothing in the decoder.
/// </summary>
public sealed class MergedWeight
{
    /// <summary>Elements that exist in F32 at the same time.</summary>
    private const int ChunkElements = 1 << 20;

    private readonly Backend _backend;
    private readonly Weight _weight;
    private readonly LowRankBranch? _branch;

    internal MergedWeight(Backend backend, Weight weight, LowRankBranch? branch) => (_backend, _weight, _branch) = (backend, weight, branch);

    public string Name => _weight.Name;

    public Shape Shape => _weight.Shape;

    /// <summary>The adapter changes this tensor.</summary>
    public bool IsAdapted => _branch is not null;

    /// <summary>Reads rows from <paramref name="firstRow"/> on; <paramref name="values"/> holds whole rows. A vector is one row.</summary>
    public void ReadRows(long firstRow, Span<float> values)
    {
        if (_branch is null)
        {
            _backend.Read(_weight.Value, values, firstRow * Shape.Columns);
            return;
        }

        int rows = (int)(values.Length / Shape.Columns);
        using Tensor sum = _backend.Allocate(new Shape(rows, Shape.Columns)), delta = _backend.Allocate(new Shape(rows, Shape.Columns));
        int[] ids = [.. Enumerable.Range((int)firstRow, rows)];
        _backend.Embed(ids, _weight.Value, 1, sum);
        _backend.LinearBackward(_branch.B.Rows(firstRow, rows), delta, _branch.A, null, delta, accumulate: false, null, null);
        _backend.Add(sum, delta, _branch.Scale);
        _backend.Read(sum, values);
    }

    /// <summary>The tensor as it is written to a file, rounded once (to nearest, ties to even). F32, F16 or BF16.</summary>
    public TensorSource ToSource(ElementType type) => new(Name, type, Shape, stream => Write(stream, type));

    private void Write(Stream stream, ElementType type)
    {
        long columns = Shape.Columns, rowsAtOnce = Math.Max(1, ChunkElements / columns);
        float[] chunk = new float[Math.Min(rowsAtOnce, Shape.Rows) * columns];
        byte[] encoded = new byte[type.Bytes(chunk.Length)];
        for (long row = 0; row < Shape.Rows; row += rowsAtOnce)
        {
            Span<float> values = chunk.AsSpan(0, (int)(Math.Min(rowsAtOnce, Shape.Rows - row) * columns));
            Span<byte> bytes = encoded.AsSpan(0, (int)type.Bytes(values.Length));
            ReadRows(row, values);
            WeightEncoder.Encode(type, values, bytes);
            stream.Write(bytes);
        }
    }
}
