using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// What LoRA adds to the embedding of a token: Scale · B·a, where a is the token's row of A (V, R) and B is (C, R), F32. A tied head stays as it is.
/// The tensors belong to the adapter.
/// </summary>
public sealed class EmbeddingBranch : IDisposable
{
    private readonly Backend _backend;
    private readonly RowBuffer _rows;
    private readonly RowBuffer _wideRows;
    private readonly RowBuffer _dRows;

    internal EmbeddingBranch(Backend backend, Tensor a, Tensor b, float scale, SharedRows shared, Tensor? dA = null, Tensor? dB = null)
    {
        (_backend, A, B, Scale, DA, DB) = (backend, a, b, scale, dA, dB);
        _rows = new RowBuffer(backend, b.Shape[1], backend.ActivationType);
        _wideRows = backend.ActivationType == ElementType.F32 ? _rows : new RowBuffer(backend, b.Shape[1], ElementType.F32);
        _dRows = shared.Of(SharedRows.Products, b.Shape[1], backend.ActivationType);
    }

    public Tensor A { get; }

    public Tensor B { get; }

    public float Scale { get; }

    public Tensor? DA { get; }

    public Tensor? DB { get; }

    internal bool Trains => DA is not null || DB is not null;

    internal long BytesPerToken => _rows.BytesPerRow;

    /// <summary>x (T, C) += the branch's part of the embeddings of ids, which the model multiplies by <paramref name="scale"/>.</summary>
    internal void Forward(ReadOnlySpan<int> ids, float scale, Tensor x) => _backend.Linear(RowsOf(ids, scale, x.Type), B, null, null, x, addend: x);

    /// <summary>Adds to the gradients by that of <see cref="Forward"/>'s x.</summary>
    internal void Backward(ReadOnlySpan<int> ids, float scale, Tensor dx)
    {
        Tensor dRows = _dRows.Take(ids.Length);
        _backend.LinearBackward(dx, RowsOf(ids, scale, dx.Type), B, null, dRows, accumulate: false, DB, null);
        _backend.EmbedBackward(ids, dRows, scale * Scale, DA!);
    }

    /// <summary>rows (n, C), F32, of the table from <paramref name="firstRow"/> on become those of the adapted table.</summary>
    internal void Merge(Backend backend, Tensor rows, long firstRow)
    {
        using Tensor delta = backend.Allocate(rows.Shape);
        backend.Linear(A.Rows(firstRow, rows.Shape.Rows), B, null, null, delta);
        backend.Add(rows, delta, Scale);
    }

    public void Dispose()
    {
        _rows.Dispose();
        _wideRows.Dispose();
    }

    private Tensor RowsOf(ReadOnlySpan<int> ids, float scale, ElementType type)
    {
        Tensor rows = (type == ElementType.F32 ? _wideRows : _rows).Take(ids.Length);
        _backend.Embed(ids, A, scale * Scale, rows);
        return rows;
    }
}
