using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Speed;

/// <summary>The best rate of a large matrix product: the ceiling of everything that is made of products.</summary>
internal static unsafe class ProductRate
{
    private const int Rows = 2048, Columns = 8192, Depth = 2048;

    /// <summary>FLOP/s of all threads together for X·Wᵀ, X (2048, 2048), W (8192, 2048), both of a type: F32 or BF16.</summary>
    public static double Measure(ElementType type, int threads)
    {
        using CpuBackend backend = CpuBackend.Create(threads, activationType: type);
        using Tensor x = backend.Allocate(new Shape(Rows, Depth), type), y = backend.Allocate(new Shape(Rows, Columns), type);
        using var bytes = new NativeBuffer(type.Bytes(Depth) * Columns);
        var random = new CounterRandom(1, RandomPurpose.Sampling);
        float[] row = new float[Depth];
        for (int i = 0; i < Columns; i++)
        {
            // A few numbers are enough that the processor multiplies no zeros.
            for (int k = 0; k < Depth; k++)
            {
                row[k] = i < 4 ? random.Uniform((ulong)(i * Depth + k)) - 0.5f : -row[k];
            }

            backend.Write(x, row, (long)(i % Rows) * Depth);
            WeightEncoder.Encode(type, row, new Span<byte>(bytes.Pointer + i * type.Bytes(Depth), (int)type.Bytes(Depth)));
        }

        using Tensor weight = backend.Load(new StoredTensor("weight", type, new Shape(Columns, Depth), bytes.Pointer, bytes.Length, bytes));
        return 2.0 * Rows * Columns * Depth / Clock.Best(() => backend.Linear(x, weight, null, null, y), 1.5);
    }
}
