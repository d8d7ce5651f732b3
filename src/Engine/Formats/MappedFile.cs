using System.IO.MemoryMappedFiles;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Formats;

/// <summary>
/// The bytes of a file, mapped read-only into memory. Tensors that point into it hold it as their owner, so that it lives as long as they do;
/// <see cref="Dispose"/> unmaps at once and must not run while a tensor of the file is in use.
/// </summary>
public sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private byte* _pointer;

    private MappedFile(string path, FileStream stream)
    {
        Path = path;
        Length = stream.Length;
        if (Length > 0)
        {
            _file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            _view = _file.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _pointer);
        }
        else
        {
            stream.Dispose();
        }
    }

    ~MappedFile() => Release();

    public string Path { get; }

    public long Length { get; }

    /// <summary>First byte; null for an empty file.</summary>
    public byte* Pointer => _pointer;

    /// <summary>Maps a file. A file that is absent or cannot be read raises <see cref="Codes.FileUnreadable"/>.</summary>
    public static MappedFile Open(string path)
    {
        try
        {
            return new MappedFile(path, new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw Unreadable(path, failure);
        }
    }

    /// <summary>Says that bytes will hardly be read again (<see cref="PageAdvice"/>).</summary>
    public void Forget(byte* first, long bytes)
    {
        if (first >= _pointer && first + bytes <= _pointer + Length)
        {
            PageAdvice.Forget(first, bytes);
        }
    }

    public void Dispose()
    {
        Release();
        _view?.Dispose();
        _file?.Dispose();
        GC.SuppressFinalize(this);
    }

    internal static FineTuneException Unreadable(string path, Exception failure) => new(
        Codes.FileUnreadable, $"'{path}' cannot be opened: {failure.Message}", "Check the path and that the file may be read.",
        new SourcePosition(path), failure);

    private void Release()
    {
        if (_pointer is not null)
        {
            _view!.SafeMemoryMappedViewHandle.ReleasePointer();
            _pointer = null;
        }
    }
}
