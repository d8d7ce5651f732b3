using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>
/// The network that makes a prefix in training: an embedding (n, d) → linear → tanh → linear → keys and values of all layers (n, 2·layers·d), as PEFT's prefix
/// projection. It is small: a row for each virtual token.
/// </summary>
internal sealed class PrefixEncoder : IDisposable
{
    private const string Embedding = "prompt_encoder.embedding.weight", First = "prompt_encoder.transform.0", Second = "prompt_encoder.transform.2";

    private readonly Backend _backend;
    private readonly AdapterTensor _prefix;
    private readonly AdapterTensor[] _tensors;
    private readonly AdapterParameters _values;
    private readonly Tensor _hidden;
    private readonly Tensor _dHidden;
    private readonly Tensor _result;

    /// <param name="prefix">The tensor that is made.</param>
    /// <param name="hidden">Units of the hidden layer, and columns of the embedding.</param>
    public PrefixEncoder(Backend backend, AdapterTensor prefix, int hidden)
    {
        long length = prefix.Shape[0], columns = prefix.Shape[1];
        (_backend, _prefix) = (backend, prefix);
        _tensors =
        [
            new(Embedding, new Shape(length, hidden)), new($"{First}.weight", new Shape(hidden, hidden)), new($"{First}.bias", new Shape(hidden), Decays: false),
            new($"{Second}.weight", new Shape(columns, hidden)), new($"{Second}.bias", new Shape(columns), Decays: false),
        ];
        _values = new AdapterParameters(backend, _tensors, trainable: true);
        _hidden = backend.Allocate(new Shape(length, hidden));
        _dHidden = backend.Allocate(new Shape(length, hidden));
        _result = backend.Allocate(prefix.Shape);
        States = backend.Allocate(prefix.MemoryShape);
        DStates = backend.Allocate(prefix.MemoryShape);
    }

    /// <summary>Keys and values in the order of memory.</summary>
    public Tensor States { get; }

    /// <summary>Where passes add their gradients.</summary>
    public Tensor DStates { get; }

    public ParameterSet Parameters => _values.Trainable!;

    /// <summary>As torch begins: the embedding N(0, 1), linear layers uniform in ±1/√K.</summary>
    public void Initialise(ulong seed)
    {
        for (int i = 0; i < _tensors.Length; i++)
        {
            var random = new CounterRandom(seed, RandomPurpose.Initialisation, (ulong)i);
            float bound = 1 / MathF.Sqrt(_tensors[1].Shape[1]);
            bool isEmbedding = i == 0;
            _values.Write(_tensors[i].Name, [.. Enumerable.Range(0, (int)_tensors[i].Shape.Count).Select(k =>
                isEmbedding ? random.Normal((ulong)k) : (2 * random.Uniform((ulong)k) - 1) * bound)]);
        }
    }

    public void BeginPass(bool training)
    {
        Run();
        if (training)
        {
            _backend.Zero(DStates);
        }
    }

    /// <summary>Makes <see cref="States"/> from the parameters as they are.</summary>
    public void Run()
    {
        _backend.Linear(_values.Value(Embedding), _values.Value($"{First}.weight"), _values.Value($"{First}.bias"), null, _hidden);
        Change(_hidden, MathF.Tanh);
        _backend.Linear(_hidden, _values.Value($"{Second}.weight"), _values.Value($"{Second}.bias"), null, _result);
        float[] values = new float[_prefix.Shape.Count];
        _backend.Read(_result, values);
        _backend.Write(States, _prefix.ToMemory(values));
    }

    /// <summary>Adds to the gradients of the parameters by <see cref="DStates"/>.</summary>
    public void EndBackward()
    {
        float[] gradients = new float[_prefix.Shape.Count], hidden = new float[_hidden.Shape.Count], dHidden = new float[_hidden.Shape.Count];
        _backend.Read(DStates, gradients);
        _backend.Write(_result, _prefix.ToFile(gradients));
        _backend.LinearBackward(
            _result, _hidden, _values.Value($"{Second}.weight"), null, _dHidden, accumulate: false, _values.Gradient($"{Second}.weight"), _values.Gradient($"{Second}.bias"));
        _backend.Read(_hidden, hidden);
        _backend.Read(_dHidden, dHidden);
        _backend.Write(_dHidden, [.. dHidden.Zip(hidden, (gradient, tanh) => gradient * (1 - tanh * tanh))]);
        Tensor embedding = _values.Value(Embedding);
        _backend.LinearBackward(
            _dHidden, embedding, _values.Value($"{First}.weight"), null, _values.Gradient(Embedding), accumulate: true, _values.Gradient($"{First}.weight"),
            _values.Gradient($"{First}.bias"));
    }

    public void Dispose()
    {
        foreach (Tensor tensor in new[] { _hidden, _dHidden, _result, States, DStates })
        {
            tensor.Dispose();
        }

        _values.Dispose();
    }

    private void Change(Tensor tensor, Func<float, float> change)
    {
        float[] values = new float[tensor.Shape.Count];
        _backend.Read(tensor, values);
        _backend.Write(tensor, [.. values.Select(change)]);
    }
}
