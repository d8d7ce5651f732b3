namespace FineTuneTool.TestKit;

/// <summary>A folder that goes away with the test.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private const string MemoryDisk = "/dev/shm";

    public TemporaryFolder(string name = "finetune test ü")
        : this(System.IO.Path.GetTempPath(), name)
    {
    }

    private TemporaryFolder(string parent, string name) =>
        Path = Directory.CreateDirectory(System.IO.Path.Combine(parent, $"{name} {Guid.NewGuid():N}")).FullName;

    /// <summary>In memory where the system has a place for that: for tests that write thousands of files.</summary>
    public static TemporaryFolder InMemory() => new(Directory.Exists(MemoryDisk) ? MemoryDisk : System.IO.Path.GetTempPath(), "finetune test ü");

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public string Write(string name, string text)
    {
        string path = File(name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    /// <summary>The path of a file or folder below this one.</summary>
    public string this[string name] => File(name);

    public string Write(string name, ReadOnlySpan<byte> bytes)
    {
        System.IO.File.WriteAllBytes(File(name), bytes.ToArray());
        return File(name);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
