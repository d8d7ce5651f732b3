using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Formats;

/// <summary>
/// A safetensors file, mapped into memory: u64 header bytes · JSON header · tensor data without holes (little endian, row-major).
/// The checks are those of the reference library.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private readonly MappedFile _file;

    private SafetensorsFile(MappedFile file, SafetensorsReader reader)
    {
        _file = file;
        Tensors = reader.Tensors;
        Metadata = reader.Metadata;
    }

    public string Path => _file.Path;

    /// <summary>In the order of the data.</summary>
    public TensorTable Tensors { get; }

    /// <summary>The strings under <c>__metadata__</c>; empty where there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>
    /// Reads the header. Raises <see cref="Codes.FileUnreadable"/>, <see cref="Codes.BadSafetensors"/>, or <see cref="Codes.UnsupportedTensorType"/>.
    /// Nothing is allocated by a claimed size that the file could not hold.
    /// </summary>
    public static SafetensorsFile Open(string path)
    {
        MappedFile file = MappedFile.Open(path);
        try
        {
            return new SafetensorsFile(file, new SafetensorsReader(file));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Dispose() => _file.Dispose();
}
