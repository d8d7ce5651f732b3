using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Stages;

/// <summary>A model ready to run: files, tokenizer, decoder on a backend of its own, and adapters, of which the first counts.</summary>
public sealed class LoadedModel : IDisposable
{
    private readonly List<KeyValuePair<string, Adapter>> _adapters = [];
    private readonly Stack<IDisposable> _owned = new();

    /// <param name="path">A .gguf file or a Hugging Face folder.</param>
    /// <param name="adapters">PEFT folders, or .finetune projects for their newest adapters.</param>
    /// <param name="threads">0 = one for each core.</param>
    /// <param name="layerStorage">How the layers' matrices are held; null = as they are stored.</param>
    /// <param name="activationType">See <see cref="Backend.ActivationType"/>.</param>
    /// <param name="initial">What a model without weights begins with; null = such a model is refused.</param>
    public LoadedModel(
        string path, IReadOnlyList<string> adapters, int threads, WeightStorage? layerStorage = null, ElementType activationType = ElementType.F32,
        InitialWeights? initial = null)
    {
        Path = path;
        try
        {
            Backend backend = Own(CpuBackend.Create(threads, activationType: activationType));
            Files = Own(ModelFiles.Open(path));
            Tokenizer = TokenizerOf(Files);
            Decoder = Own(Decoder.Load(Files, backend, layerStorage, initial: initial));
            foreach (string adapter in adapters)
            {
                using PeftAdapter files = PeftAdapter.Read(FolderOf(adapter));
                _adapters.Add(new(NameFor(adapter), Own(AdapterKinds.Load(Decoder, files, trainable: false))));
            }

            Decoder.ActiveAdapter = _adapters.FirstOrDefault().Value;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Path { get; }

    public ModelFiles Files { get; }

    public Tokenizer Tokenizer { get; }

    public Decoder Decoder { get; }

    /// <summary>Adapters by the name that switches to them, in the order they were given.</summary>
    public IReadOnlyList<KeyValuePair<string, Adapter>> Adapters => _adapters;

    public static Tokenizer TokenizerOf(ModelFiles files) =>
        files is GgufModelFiles gguf ? TokenizerFiles.FromGguf(gguf.Metadata) : TokenizerFiles.FromFolder(files.Path);

    public void Dispose()
    {
        while (_owned.TryPop(out IDisposable? owned))
        {
            owned.Dispose();
        }
    }

    private static string FolderOf(string adapter) =>
        adapter.EndsWith(".finetune", StringComparison.OrdinalIgnoreCase) ? ProjectResults.Output(ProjectResults.FindProject(adapter), "train", "adapter") : adapter;

    /// <summary>The last part of the path, with a number where another adapter has it already.</summary>
    private string NameFor(string adapter)
    {
        string name = System.IO.Path.GetFileNameWithoutExtension(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(adapter)));
        int count = _adapters.Count(known => known.Key == name || known.Key.StartsWith(name + "#", StringComparison.Ordinal));
        return count == 0 ? name : $"{name}#{count + 1}";
    }

    private T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Push(owned);
        return owned;
    }
}
