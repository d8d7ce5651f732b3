using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// Scratch rows that are kept from batch to batch: memory is taken again only when a batch has more rows than any before.
/// </summary>
/// <param name="columns">Elements of a row; 0 = the buffer is a vector (rows).</param>
/// <param name="type">F32 or BF16.</param>
internal sealed class RowBuffer(Backend backend, long columns, ElementType type) : IDisposable
{
    private Tensor? _memory;
    private Tensor? _view;
    private long _capacity;

    public long BytesPerRow => type.Bytes(Math.Max(columns, 1));

    /// <summary>The first <paramref name="rows"/> rows; what they hold is undefined after growth. Ends earlier views.</summary>
    public Tensor Take(long rows)
    {
        if (rows > _capacity)
        {
            _memory?.Dispose();
            _memory = backend.Allocate(ShapeOf(rows), type);
            _capacity = rows;
            _view = null;
        }

        if (_view is null || _view.Shape[0] != rows)
        {
            _view = _memory!.View(0, ShapeOf(rows));
        }

        return _view;
    }

    public void Dispose() => _memory?.Dispose();

    private Shape ShapeOf(long rows) => columns == 0 ? new Shape(rows) : new Shape(rows, columns);
}
