using System.Runtime.InteropServices;

namespace FineTuneTool.Engine.Tensors;

/// <summary>
/// Bytes outside the managed heap, aligned to 64 and zeroed, owned by this object. May be larger than 2 GiB.
/// Whoever allocates disposes; a finaliser frees what was forgotten.
/// </summary>
public sealed unsafe class NativeBuffer : IDisposable
{
    private byte* _pointer;

    public NativeBuffer(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Length = bytes;
        _pointer = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 64), 64);
        NativeMemory.Clear(_pointer, (nuint)bytes);
    }

    ~NativeBuffer() => Free();

    public long Length { get; }

    public byte* Pointer => _pointer is not null ? _pointer : throw new ObjectDisposedException(nameof(NativeBuffer));

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_pointer is not null)
        {
            NativeMemory.AlignedFree(_pointer);
            _pointer = null;
        }
    }
}
