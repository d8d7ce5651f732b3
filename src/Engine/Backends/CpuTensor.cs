using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Backends;

/// <summary>Numbers in memory: owned (<paramref name="owned"/>), or a view of what <paramref name="source"/> keeps alive.</summary>
internal sealed unsafe class CpuTensor(Shape shape, ElementType type, byte* pointer, IDisposable? owned, object? source) : Tensor(shape, type)
{
    private readonly byte* _pointer = pointer;
    private readonly object? _source = source;
    private bool _disposed;

    public byte* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed || _source is CpuTensor { _disposed: true }, this);
            return _pointer;
        }
    }

    /// <summary>The numbers of an F32 tensor.</summary>
    public float* Floats => Type == ElementType.F32
        ? (float*)Pointer
        : throw new ArgumentException($"The operand {Shape} is stored as {Type}; this operation needs F32.");

    /// <summary>The numbers of a BF16 tensor.</summary>
    public ushort* Narrow => Type == ElementType.BF16
        ? (ushort*)Pointer
        : throw new ArgumentException($"The operand {Shape} is stored as {Type}; this operation needs BF16.");

    /// <summary>The bytes of a U8 tensor.</summary>
    public byte* Codes => Type == ElementType.U8
        ? Pointer
        : throw new ArgumentException($"The operand {Shape} is stored as {Type}; this operation needs U8.");

    /// <summary>The numbers lie in a file's pages: they are there again when they are used.</summary>
    public bool IsPaged => owned is PagedBuffer || _source is StoredTensor { Owner: MappedFile } or CpuTensor { IsPaged: true };

    public long Count => Shape.Count;

    public override Tensor Rows(long first, long count)
    {
        if (Shape.Rank == 0 || first < 0 || count < 0 || first > Shape.Rows - count)
        {
            throw new ArgumentException($"Rows: {count} rows from {first} are not inside {Shape}.");
        }

        return new CpuTensor(new Shape(count, Shape.Columns), Type, Pointer + first * Type.Bytes(Shape.Columns), null, _source ?? this);
    }

    public override Tensor View(long offset, Shape shape)
    {
        if (Type is not (ElementType.F32 or ElementType.BF16 or ElementType.U8) || offset < 0 || offset > Count - shape.Count)
        {
            throw new ArgumentException($"View: {shape} from element {offset} is not inside {Shape} of {Type}.");
        }

        return new CpuTensor(shape, Type, Pointer + Type.Bytes(offset), null, _source ?? this);
    }

    public override void Dispose()
    {
        _disposed = true;
        owned?.Dispose();
    }
}
