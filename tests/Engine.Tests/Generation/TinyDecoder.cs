using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Generation;

/// <summary>The tiny model, loaded, with its adapter switched off; one for a class of tests.</summary>
public sealed class TinyDecoder : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CpuBackend _backend = CpuBackend.Create(2);
    private readonly ModelFiles _files;

    public TinyDecoder()
    {
        Model = TinyModel.Write(_folder.File("model"));
        _files = ModelFiles.Open(Model);
        Decoder = Decoder.Load(_files, _backend);
        using PeftAdapter adapter = PeftAdapter.Read(TinyModel.WriteAdapter(_folder.File("adapter"), Model));
        Adapter = LoraAdapter.Load(Decoder, adapter, trainable: false);
        Tokenizer = TokenizerFiles.FromFolder(Model);
    }

    public string Model { get; }

    public Decoder Decoder { get; }

    public LoraAdapter Adapter { get; }

    public Tokenizer Tokenizer { get; }

    public string File(string name) => _folder.File(name);

    public void Dispose()
    {
        Adapter.Dispose();
        Decoder.Dispose();
        _files.Dispose();
        _backend.Dispose();
        _folder.Dispose();
    }
}
