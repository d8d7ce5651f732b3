using System.IO.MemoryMappedFiles;

namespace FineTuneTool.Engine.Tensors;

/// <summary>Zeros in a file that the system reads and writes page by page, so that they need not stay in memory. The file goes with this object.</summary>
internal sealed unsafe class PagedBuffer : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private byte* _pointer;

    /// <param name="folder">Where the file is made.</param>
    public PagedBuffer(string folder, long bytes)
    {
        Length = Math.Max(bytes, 1);
        string path = Path.Combine(folder, $"{Guid.NewGuid():N}.tmp");
        var stream = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
        _file = MemoryMappedFile.CreateFromFile(stream, null, Length, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: false);
        _view = _file.CreateViewAccessor(0, Length, MemoryMappedFileAccess.ReadWrite);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _pointer);
        if (!OperatingSystem.IsWindows())
        {
            // The pages outlive the name, so that a process that is killed leaves nothing behind; Windows closes and deletes by itself.
            File.Delete(path);
        }
    }

    ~PagedBuffer() => Release();

    public long Length { get; }

    public byte* Pointer => _pointer is not null ? _pointer : throw new ObjectDisposedException(nameof(PagedBuffer));

    public void Dispose()
    {
        Release();
        _view.Dispose();
        _file.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Release()
    {
        if (_pointer is not null)
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _pointer = null;
        }
    }
}
