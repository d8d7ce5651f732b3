using System.Runtime.InteropServices;

namespace FineTuneTool.Engine.Tensors;

/// <summary>
/// Bytes outside the managed heap, aligned to 64, owned by this object. May be larger than 2 GiB.
/// Whoever allocates disposes; a finaliser frees what was forgotten.
/// </summary>
public sealed unsafe class NativeBuffer : IDisposable
{
    [ThreadStatic]
    private static long _allocatedByThread;

    private byte* _pointer;

    /// <param name="cleared">Whether the bytes begin as zeros; if not, the system gives room only for those that are ever written.</param>
    public NativeBuffer(long bytes, bool cleared = true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Length = bytes;
        _pointer = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 64), 64);
        _allocatedByThread += bytes;
        if (cleared)
        {
            NativeMemory.Clear(_pointer, (nuint)bytes);
        }
    }

    ~NativeBuffer() => Free();

    /// <summary>The sum of the lengths of all buffers that the calling thread ever made.</summary>
    public static long AllocatedByThread => _allocatedByThread;

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
