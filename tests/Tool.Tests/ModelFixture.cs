using FineTuneTool.TestKit;

namespace FineTuneTool.Tool.Tests;

/// <summary>The tiny model and an adapter for it on disk; one for a class of tests.</summary>
public sealed class ModelFixture : IDisposable
{
    public ModelFixture()
    {
        Model = TinyModel.Write(Folder.File("tiny model"));
        Adapter = TinyModel.WriteAdapter(Folder.File("accent"), Model);
    }

    internal TemporaryFolder Folder { get; } = new();

    public string Model { get; }

    public string Adapter { get; }

    public void Dispose() => Folder.Dispose();
}
