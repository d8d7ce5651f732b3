using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Backends;

public sealed class ElementOperationTests : BackendTest
{
    [Theory]
    [MemberData(nameof(KernelNames))]
    public void Sums_copies_and_squares_over_several_blocks(string kernels)
    {
        using CpuBackend backend = CpuBackend.Create(2, kernels);
        const int Count = 40_003;
        float[] a = Numbers(Count, 1), b = Numbers(Count, 2);
        Tensor target = Tensor(backend, a, Count), source = Tensor(backend, b, Count);
        Assert.Equal(a.Sum(value => (double)value * value), backend.SumOfSquares(target), 1e-6 * Count);
        backend.Add(target, source, 0.5f);
        Close([.. a.Zip(b, (x, y) => x + 0.5 * y)], Values(backend, target), 1e-6);
        backend.Scale(target, -2);
        Close([.. a.Zip(b, (x, y) => -2 * x - y)], Values(backend, target), 1e-6);
        backend.Copy(source, target);
        Assert.Equal(b, Values(backend, target));
        backend.Zero(target);
        Assert.All(Values(backend, target), value => Assert.Equal(0, value));
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void AdamW_follows_its_formula_over_several_steps(string kernels)
    {
        using CpuBackend backend = CpuBackend.Create(2, kernels);
        const int Count = 101;
        double[] p = Widen(Numbers(Count, 1)), m = new double[Count], v = new double[Count];
        Tensor values = Tensor(backend, Numbers(Count, 1), Count), first = backend.Allocate(new Shape(Count)), second = backend.Allocate(new Shape(Count));
        for (int step = 1; step <= 5; step++)
        {
            float[] g = Numbers(Count, (ulong)(1 + step));
            backend.AdamW(values, Tensor(backend, g, Count), first, second, new AdamWStep(1e-2, 0.9, 0.999, 1e-8, 0.1, step));
            for (int i = 0; i < Count; i++)
            {
                m[i] = 0.9 * m[i] + 0.1 * g[i];
                v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
                p[i] *= 1 - 1e-2 * 0.1;
                p[i] -= 1e-2 * (m[i] / (1 - Math.Pow(0.9, step))) / (Math.Sqrt(v[i] / (1 - Math.Pow(0.999, step))) + 1e-8);
            }
        }

        Close(p, Values(backend, values), 1e-6);
    }

    [Fact]
    public void Noise_fills_its_range_evenly_and_leaves_rows_without_any()
    {
        float[][] results = [.. new[] { 1, 3 }.Select(threads =>
        {
            using CpuBackend backend = CpuBackend.Create(threads);
            Tensor x = Tensor(backend, new float[3 * 5000], 3, 5000);
            backend.AddNoise(x, [0.5f, 0, 2], seed: 4, stream: 7);
            return Values(backend, x);
        })];
        Assert.Equal(results[0], results[1]);
        Assert.All(results[0][5000..10000], value => Assert.Equal(0, value));
        foreach ((float[] row, double magnitude) in new[] { (results[0][..5000], 0.5), (results[0][10000..], 2) })
        {
            Assert.All(row, value => Assert.InRange(value, -magnitude, magnitude));
            Assert.InRange(row.Average(), -0.05 * magnitude, 0.05 * magnitude);
            Assert.InRange(row.Average(value => value * value) / (magnitude * magnitude), 0.31, 0.36);
        }
    }

    [Fact]
    public void Views_read_and_write_the_tensor_they_look_at()
    {
        using CpuBackend backend = CpuBackend.Create(1);
        float[] numbers = Numbers(24, 1);
        Tensor tensor = Tensor(backend, numbers, 6, 4);
        Assert.Equal(numbers[8..16], Values(backend, tensor.Rows(2, 2)));
        Tensor view = tensor.View(4, new Shape(2, 5));
        Assert.Equal(numbers[4..14], Values(backend, view));
        backend.Zero(view);
        Assert.Equal([.. numbers[..4], .. new float[10], .. numbers[14..]], Values(backend, tensor));
        Assert.Throws<ArgumentException>(() => tensor.Rows(5, 2));
        Assert.Throws<ArgumentException>(() => tensor.View(20, new Shape(5)));
        tensor.Dispose();
        Assert.Throws<ObjectDisposedException>(() => backend.Zero(view));
    }
}
