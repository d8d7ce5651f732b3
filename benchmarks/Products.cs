using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Benchmarks;

/// <summary>Linear layers forward and backward at the shapes of SmolLM2-135M and of a 1B model.</summary>
internal static unsafe class Products
{
    public static void Run(int threads, string? kernels)
    {
        foreach (ElementType activations in (ElementType[])[ElementType.F32, ElementType.BF16])
        {
            using CpuBackend backend = CpuBackend.Create(threads, kernels, activations);
            Table(backend);
        }
    }

    private static void Table(CpuBackend backend)
    {
        Console.WriteLine($"{backend.Name}, {backend.Threads} threads, activations {backend.ActivationType}, GFLOP/s in all");
        Console.WriteLine("|    M |    N |    K | weight | forward | dX | dW | forward + LoRA 16 | backward + LoRA 16, dropout |");
        foreach ((int m, int n, int k) in ((int, int, int)[])[(512, 1536, 576), (512, 576, 1536), (512, 192, 576), (512, 2048, 2048), (128, 1536, 576), (16, 1536, 576), (2048, 1536, 576), (2048, 576, 1536), (2048, 8192, 2048)])
        {
            foreach (ElementType type in (ElementType[])[ElementType.F32, ElementType.BF16, ElementType.Q4_1])
            {
                Row(backend, m, n, k, type);
            }
        }
    }

    private static void Row(CpuBackend backend, int m, int n, int k, ElementType type)
    {
        Tensor New(int rows, int columns) => backend.Allocate(new Shape(rows, columns), backend.ActivationType);
        using var bytes = new NativeBuffer(type.Bytes(k) * n);
        using Tensor weight = backend.Load(new StoredTensor("w", type, new Shape(n, k), bytes.Pointer, bytes.Length, bytes));
        using Tensor x = New(m, k), y = New(m, n), dx = New(m, k);
        using Tensor dw = backend.Allocate(new Shape(n, k));
        const int Rank = 16;
        using Tensor a = backend.Allocate(new Shape(Rank, k)), b = backend.Allocate(new Shape(n, Rank)), product = New(m, Rank);
        using Tensor da = backend.Allocate(new Shape(Rank, k)), db = backend.Allocate(new Shape(n, Rank)), dProduct = New(m, Rank);
        var branch = new LowRank(a, b, 2, product) { DA = da, DB = db, DProduct = dProduct };
        LowRank dropped = branch with { Dropout = new Dropout(0.05f, 1, 1) };
        double flops = 2.0 * m * n * k, branchFlops = 2.0 * m * Rank * (n + k);
        string Rate(double work, Action action) => $"{work / Measure.BestSeconds(action, 0.4) / 1e9,5:F0}";
        Console.WriteLine($"| {m,4} | {n,4} | {k,4} | {type} | "
            + Rate(flops, () => backend.Linear(x, weight, null, null, y)) + " | "
            + Rate(flops, () => backend.LinearBackward(y, x, weight, null, dx, false, null, null)) + " | "
            + Rate(flops, () => backend.LinearBackward(y, x, weight, null, null, false, dw, null)) + " | "
            + Rate(flops + branchFlops, () => backend.Linear(x, weight, null, branch, y)) + " | "
            + Rate(flops + 2 * branchFlops, () => backend.LinearBackward(y, x, weight, dropped, dx, false, null, null)) + " |");
    }
}
