using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>Memory for the inside of an operation: grown when needed, kept for the next call, not cleared.</summary>
internal sealed unsafe class ScratchMemory : IDisposable
{
    private NativeBuffer? _buffer;

    /// <summary>At least <paramref name="count"/> floats, aligned to 64 bytes; what an earlier call got is gone.</summary>
    public float* Floats(long count)
    {
        long bytes = checked(count * sizeof(float));
        if (_buffer is null || _buffer.Length < bytes)
        {
            _buffer?.Dispose();
            _buffer = null;
            _buffer = new NativeBuffer(bytes + bytes / 4, cleared: false);
        }

        return (float*)_buffer.Pointer;
    }

    public void Dispose() => _buffer?.Dispose();
}
