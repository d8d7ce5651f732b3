using BenchmarkDotNet.Attributes;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Benchmarks;

/// <summary>What is no linear layer, at SmolLM2-135M's shapes: 2,048 tokens in four documents, all threads.</summary>
public class OperationBenchmarks
{
    private const int Tokens = 2048, Heads = 9, KeyValueHeads = 3, HeadDim = 64, Hidden = Heads * HeadDim, Intermediate = 1536, Vocabulary = 49152, Supervised = 512;

    private static readonly AttentionShape Shape = new(Heads, KeyValueHeads, HeadDim, 0.125f);
    private static readonly int[] Documents = [0, 512, 1024, 1536, 2048];

    private readonly int[] _targets = [.. Enumerable.Range(0, Supervised)];
    private readonly float[] _losses = new float[Supervised];
    private readonly bool[] _correct = new bool[Supervised];
    private readonly List<Tensor> _tensors = [];
    private CpuBackend _backend = null!;
    private Tensor _q = null!, _k = null!, _v = null!, _o = null!, _logSumExp = null!, _dO = null!, _dq = null!, _dk = null!, _dv = null!;
    private Tensor _norm = null!, _inverseRms = null!, _gate = null!, _up = null!, _product = null!, _hidden = null!, _head = null!, _dHidden = null!;

    /// <summary>Numbers that are multiplied.</summary>
    [Params(ElementType.F32, ElementType.BF16)]
    public ElementType Activations { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _backend = CpuBackend.Create(activationType: Activations);
        (_q, _k, _v, _o) = (New(Activations, Tokens, Hidden), New(Activations, Tokens, Hidden / 3), New(Activations, Tokens, Hidden / 3), New(Activations, Tokens, Hidden));
        (_dO, _dq, _dk, _dv) = (New(Activations, Tokens, Hidden), New(Activations, Tokens, Hidden), New(Activations, Tokens, Hidden / 3), New(Activations, Tokens, Hidden / 3));
        (_logSumExp, _norm, _inverseRms) = (New(ElementType.F32, Tokens, Heads), New(ElementType.F32, Hidden), New(ElementType.F32, Tokens));
        (_gate, _up, _product) = (New(Activations, Tokens, Intermediate), New(Activations, Tokens, Intermediate), New(Activations, Tokens, Intermediate));
        (_hidden, _head, _dHidden) = (New(Activations, Supervised, Hidden), New(ElementType.BF16, Vocabulary, Hidden), New(Activations, Supervised, Hidden));
        Attention();
    }

    [Benchmark]
    public void Attention() => _backend.Attention(_q, _k, _v, Shape, Documents, _o, _logSumExp);

    [Benchmark]
    public void AttentionBackward() => _backend.AttentionBackward(_dO, _q, _k, _v, _o, _logSumExp, Shape, Documents, _dq, _dk, _dv);

    [Benchmark]
    public void RmsNorm() => _backend.RmsNorm(_q, _norm, 0, 1e-5f, _o, _inverseRms);

    [Benchmark]
    public void GatedActivation() => _backend.GatedActivation(_gate, _up, Activation.Silu, _product);

    [Benchmark]
    public void CrossEntropy() => _backend.CrossEntropy(_hidden, _head, _targets, 0, _losses, _correct, _dHidden, null);

    [GlobalCleanup]
    public void Cleanup()
    {
        _tensors.ForEach(tensor => tensor.Dispose());
        _tensors.Clear();
        _backend.Dispose();
    }

    private Tensor New(ElementType type, params long[] extents)
    {
        Tensor tensor = _backend.Allocate(new Shape(extents), type);
        var random = new CounterRandom(1, RandomPurpose.Initialisation, (ulong)_tensors.Count);
        _backend.Write(tensor, [.. Enumerable.Range(0, (int)tensor.Shape.Count).Select(i => random.Uniform((ulong)i) - 0.5f)]);
        _tensors.Add(tensor);
        return tensor;
    }
}
