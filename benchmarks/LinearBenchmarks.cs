using BenchmarkDotNet.Attributes;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Benchmarks;

/// <summary>A linear layer of SmolLM2-135M's widest shape with a branch of rank 16: 2,048 tokens, 576 inputs, 1,536 outputs, all threads.</summary>
public unsafe class LinearBenchmarks
{
    private const int Tokens = 2048, Inputs = 576, Outputs = 1536, Rank = 16;

    private CpuBackend _backend = null!;
    private NativeBuffer _bytes = null!;
    private Tensor _x = null!, _weight = null!, _y = null!, _dx = null!;
    private LowRank _branch = null!;

    /// <summary>Numbers that are multiplied.</summary>
    [Params(ElementType.F32, ElementType.BF16)]
    public ElementType Activations { get; set; }

    /// <summary>Storage of the weight.</summary>
    [Params(ElementType.F32, ElementType.BF16, ElementType.NF4, ElementType.Q8_0, ElementType.Q4_1, ElementType.Q4_K, ElementType.Q6_K)]
    public ElementType Weight { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _backend = CpuBackend.Create(activationType: Activations);
        // Rows of Q4_K and Q6_K are whole blocks of 256 only at another width.
        int inputs = Weight.BlockElements() == 256 ? 768 : Inputs;
        var shape = new Shape(Outputs, inputs);
        _bytes = new NativeBuffer(Weight.Bytes(shape));
        _weight = _backend.Load(new StoredTensor("weight", Weight, shape, _bytes.Pointer, _bytes.Length, _bytes));
        Tensor New(int columns) => _backend.Allocate(new Shape(Tokens, columns), Activations);
        (_x, _y, _dx) = (New(inputs), New(Outputs), New(inputs));
        _branch = new LowRank(_backend.Allocate(new Shape(Rank, inputs)), _backend.Allocate(new Shape(Outputs, Rank)), 2, New(Rank))
        {
            DA = _backend.Allocate(new Shape(Rank, inputs)),
            DB = _backend.Allocate(new Shape(Outputs, Rank)),
            DProduct = New(Rank),
        };
    }

    [Benchmark]
    public void Forward() => _backend.Linear(_x, _weight, null, _branch, _y);

    [Benchmark]
    public void Backward() => _backend.LinearBackward(_y, _x, _weight, _branch, _dx, false, null, null);

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (IDisposable owned in (IDisposable[])[_x, _y, _dx, _weight, _branch.A, _branch.B, _branch.Product, _branch.DA!, _branch.DB!, _branch.DProduct!, _bytes, _backend])
        {
            owned.Dispose();
        }
    }
}
