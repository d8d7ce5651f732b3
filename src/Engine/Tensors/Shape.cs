namespace FineTuneTool.Engine.Tensors;

/// <summary>Extents of a tensor, outermost first (as in PyTorch), row-major. Rank 0 to 4.</summary>
public readonly record struct Shape
{
    private readonly long[] _extents;

    public Shape(params ReadOnlySpan<long> extents)
    {
        foreach (long extent in extents)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(extent);
        }

        _extents = extents.ToArray();
    }

    public int Rank => _extents?.Length ?? 0;

    public long this[int axis] => _extents[axis];

    public ReadOnlySpan<long> Extents => _extents;

    /// <summary>Elements in all; 1 for rank 0.</summary>
    public long Count
    {
        get
        {
            long count = 1;
            foreach (long extent in Extents)
            {
                count = checked(count * extent);
            }

            return count;
        }
    }

    /// <summary>Innermost extent; 1 for rank 0.</summary>
    public long Columns => Rank == 0 ? 1 : _extents[^1];

    /// <summary>Product of all extents but the innermost.</summary>
    public long Rows => Columns == 0 ? 0 : Count / Columns;

    public bool Equals(Shape other) => Extents.SequenceEqual(other.Extents);

    public override int GetHashCode() => Extents.Length == 0 ? 0 : HashCode.Combine(Extents[0], Extents[^1], Extents.Length);

    public override string ToString() => $"({string.Join(", ", _extents ?? [])})";
}
