namespace FineTuneTool.Engine.Tensors;

/// <summary>
/// A named tensor as it lies in a file or in memory: row-major, little endian, <see cref="ElementTypes.Bytes(ElementType, Shape)"/> long.
/// The bytes belong to <see cref="Owner"/> (a mapped file or a <see cref="NativeBuffer"/>), which this object keeps alive but does not dispose.
/// </summary>
public sealed unsafe class StoredTensor
{
    private readonly byte* _pointer;

    public StoredTensor(string name, ElementType type, Shape shape, byte* pointer, long bytes, object? owner)
    {
        if (type.Bytes(shape) != bytes)
        {
            throw new ArgumentException($"Tensor {name} {shape} of {type} does not take {bytes} bytes.", nameof(bytes));
        }

        Name = name;
        Type = type;
        Shape = shape;
        Bytes = bytes;
        Owner = owner;
        _pointer = pointer;
    }

    public string Name { get; }

    public ElementType Type { get; }

    public Shape Shape { get; }

    public long Bytes { get; }

    public object? Owner { get; }

    public byte* Pointer => _pointer;

    /// <summary>Bytes of one row; throws <see cref="ArgumentException"/> where rows are not whole blocks.</summary>
    public long RowBytes => Shape.Rows == 0 ? 0 : Type.Bytes(Shape.Columns);

    /// <summary>All bytes, for tensors of at most 2 GiB.</summary>
    public ReadOnlySpan<byte> Span => new(_pointer, checked((int)Bytes));

    /// <summary>The bytes of one row.</summary>
    public ReadOnlySpan<byte> Row(long row) => new(_pointer + row * RowBytes, checked((int)RowBytes));

    /// <summary>The same bytes under another name or an equally large shape.</summary>
    public StoredTensor As(string name, Shape? shape = null) => new(name, Type, shape ?? Shape, _pointer, Bytes, Owner);

    /// <summary>A new F32 tensor that owns a copy of <paramref name="values"/>.</summary>
    public static StoredTensor FromFloats(string name, Shape shape, ReadOnlySpan<float> values)
    {
        var buffer = new NativeBuffer(checked(values.Length * 4L));
        values.CopyTo(new Span<float>(buffer.Pointer, values.Length));
        return new StoredTensor(name, ElementType.F32, shape, buffer.Pointer, buffer.Length, buffer);
    }
}
