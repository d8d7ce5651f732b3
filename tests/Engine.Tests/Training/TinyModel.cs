using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Training;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Training;

/// <summary>A model that is trained in a test: all weights of the small random llama, or an adapter on any model.</summary>
internal sealed class TinyModel : IDisposable
{
    private readonly ModelFiles _files;
    private readonly CpuBackend _backend;
    private readonly Adapter? _adapter;

    /// <summary>All weights of the tiny llama.</summary>
    public TinyModel(int threads = 1)
        : this(PathOf("llama"), threads)
    {
        Decoder.TrainAllWeights();
        Output = new WeightsOutput(Decoder);
    }

    /// <summary>The adapter of a PEFT folder, or a fresh one, on a model.</summary>
    public TinyModel(
        string model, string? adapter, LoraSettings? fresh = null, int threads = 1, WeightStorage? layerStorage = null, ElementType activationType = ElementType.F32)
        : this(model, threads, layerStorage, activationType)
    {
        if (adapter is null)
        {
            _adapter = LoraAdapter.Create(Decoder, fresh!, seed: 11);
        }
        else
        {
            using PeftAdapter files = PeftAdapter.Read(adapter);
            _adapter = AdapterKinds.Load(Decoder, files, trainable: true);
        }

        Decoder.ActiveAdapter = _adapter;
        Output = new AdapterOutput(_adapter, "tiny");
    }

    /// <summary>An adapter that is made for the model.</summary>
    public TinyModel(string model, Func<Decoder, Adapter> make)
        : this(model, threads: 1)
    {
        Decoder.ActiveAdapter = _adapter = make(Decoder);
        Output = new AdapterOutput(_adapter, "tiny");
    }

    private TinyModel(string path, int threads, WeightStorage? layerStorage = null, ElementType activationType = ElementType.F32)
    {
        _files = ModelFiles.Open(path);
        _backend = CpuBackend.Create(threads, activationType: activationType);
        Decoder = Decoder.Load(_files, _backend, layerStorage);
        Output = null!;
    }

    public Decoder Decoder { get; }

    public ITrainedOutput Output { get; }

    /// <summary>The trained values as they are.</summary>
    public float[] Values
    {
        get
        {
            float[] values = new float[Decoder.Trainable.Count];
            Decoder.Trainable.ReadValues(values);
            return values;
        }
    }

    /// <summary>A tiny model of the goldens, from the repository or else from the reference data beside it.</summary>
    public static string PathOf(string name)
    {
        string path = Path.Combine(Paths.Goldens, "models", "tiny", name);
        return Directory.Exists(path) ? path : Path.Combine(Paths.Shared, "goldens", "models", "tiny", name);
    }

    public void Dispose()
    {
        _adapter?.Dispose();
        Decoder.Dispose();
        _backend.Dispose();
        _files.Dispose();
    }
}
