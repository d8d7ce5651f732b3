namespace FineTuneTool.Engine.Formats;

/// <summary>A model in one GGUF file.</summary>
public sealed class GgufModelFiles(string path) : ModelFiles(path)
{
    public GgufFile File { get; } = GgufFile.Open(path);

    public GgufMetadata Metadata => File.Metadata;

    public override TensorTable Tensors => File.Tensors;

    public override IReadOnlyList<string> ContentFiles => [Path];

    public override void Dispose() => File.Dispose();
}
