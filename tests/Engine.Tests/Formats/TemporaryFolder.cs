namespace FineTuneTool.Engine.Tests.Formats;

/// <summary>A folder that a test owns; gone when the test ends.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder() => Path = Directory.CreateTempSubdirectory("finetune-test-").FullName;

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public string Write(string name, ReadOnlySpan<byte> bytes)
    {
        File.WriteAllBytes(this[name], bytes.ToArray());
        return this[name];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
