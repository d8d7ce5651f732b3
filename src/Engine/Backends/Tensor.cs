using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Backends;

/// <summary>
/// A handle to numbers that only the backend which made it can read. Shape is row-major, outermost first.
/// Disposing a tensor frees what it owns; disposing a view frees nothing.
/// </summary>
public abstract class Tensor(Shape shape, ElementType type) : IDisposable
{
    public Shape Shape { get; } = shape;

    public ElementType Type { get; } = type;

    /// <summary>A view of <paramref name="count"/> rows from <paramref name="first"/>, same columns. The view must not outlive this tensor.</summary>
    public abstract Tensor Rows(long first, long count);

    /// <summary>A view of the same numbers, from element <paramref name="offset"/>, with another shape. F32, BF16 and U8 only.</summary>
    public abstract Tensor View(long offset, Shape shape);

    public abstract void Dispose();
}
