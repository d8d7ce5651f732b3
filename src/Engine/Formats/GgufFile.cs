using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Formats;

/// <summary>
/// A GGUF file (versions 2 and 3, little endian), mapped into memory. Tensor shapes are outermost first, as in PyTorch: the reverse of the file's.
/// Specification: ggml, <c>docs/gguf.md</c>; the checks are those of llama.cpp: consecutive padded tensors that lie inside the file.
/// </summary>
public sealed class GgufFile : IDisposable
{
    private readonly MappedFile _file;

    private GgufFile(MappedFile file, GgufReader reader)
    {
        _file = file;
        Version = reader.Version;
        Alignment = reader.Alignment;
        Metadata = reader.Metadata;
        Tensors = reader.Tensors;
    }

    public string Path => _file.Path;

    public int Version { get; }

    /// <summary>Tensor data starts at multiples of this many bytes.</summary>
    public long Alignment { get; }

    public GgufMetadata Metadata { get; }

    public TensorTable Tensors { get; }

    /// <summary>
    /// Reads the header. Raises <see cref="Codes.FileUnreadable"/>, <see cref="Codes.BadGguf"/>, or <see cref="Codes.UnsupportedTensorType"/>.
    /// Nothing is allocated by a claimed size that the file could not hold.
    /// </summary>
    public static GgufFile Open(string path)
    {
        MappedFile file = MappedFile.Open(path);
        try
        {
            return new GgufFile(file, new GgufReader(file));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Dispose() => _file.Dispose();
}
