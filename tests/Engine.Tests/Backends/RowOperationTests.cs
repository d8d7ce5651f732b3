using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Backends;

/// <summary>Norms, rotary embedding, activations and row moves: forward by the definition, backward by finite differences of it.</summary>
public sealed class RowOperationTests : BackendTest
{
    private const double Tolerance = 2e-6;

    /// <summary>Central differences of a double-precision function with this step are exact to about 1e-8.</summary>
    private const double Step = 1e-4;

    public static TheoryData<string, int, int> Sizes()
    {
        var data = new TheoryData<string, int, int>();
        foreach (string kernels in Available)
        {
            foreach ((int rows, int columns) in ((int, int)[])[(1, 1), (3, 7), (5, 16), (2, 33), (40, 50), (9, 130)])
            {
                data.Add(kernels, rows, columns);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Norm_forward_and_gradients(string kernels, int rows, int columns)
    {
        using CpuBackend backend = CpuBackend.Create(2, kernels);
        const float Offset = 1, Epsilon = 1e-5f;
        float[] x = Numbers(rows * columns, 1), weight = Numbers(columns, 2), dy = Numbers(rows * columns, 3), before = Numbers(rows * columns, 4);
        double[] Forward(double[] x, double[] weight)
        {
            double[] r = [.. Enumerable.Range(0, rows).Select(row => 1 / Math.Sqrt(x.Skip(row * columns).Take(columns).Sum(v => v * v) / columns + Epsilon))];
            return [.. x.Select((value, i) => value * r[i / columns] * (weight[i % columns] + Offset))];
        }

        Tensor y = backend.Allocate(new Shape(rows, columns)), inverse = backend.Allocate(new Shape(rows)), dx = Tensor(backend, before, rows, columns);
        Tensor xs = Tensor(backend, x, rows, columns), weights = Tensor(backend, weight, columns), dWeight = Tensor(backend, weight, columns);
        backend.RmsNorm(xs, weights, Offset, Epsilon, y, inverse);
        Close(Forward(Widen(x), Widen(weight)), Values(backend, y), Tolerance);
        foreach (bool inPlace in new[] { false, true })
        {
            Tensor addend = Tensor(backend, before, rows, columns), sum = inPlace ? addend : y;
            backend.RmsNorm(xs, weights, Offset, Epsilon, sum, inverse, addend);
            Close([.. Forward(Widen(x), Widen(weight)).Select((value, i) => value + before[i])], Values(backend, sum), Tolerance);
        }

        backend.RmsNormBackward(Tensor(backend, dy, rows, columns), xs, weights, Offset, inverse, dx, dWeight);
        double[] expected = Gradient(Widen(x), values => Dot(Forward(values, Widen(weight)), dy));
        Close([.. expected.Select((value, i) => value + before[i])], Values(backend, dx), 1e-5);
        double[] expectedWeight = Gradient(Widen(weight), values => Dot(Forward(Widen(x), values), dy));
        Close([.. expectedWeight.Select((value, i) => value + weight[i])], Values(backend, dWeight), 1e-5);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Gated_activations_and_their_gradients(string kernels, int rows, int columns)
    {
        using CpuBackend backend = CpuBackend.Create(2, kernels);
        float[] gate = Numbers(rows * columns, 1, 3), up = Numbers(rows * columns, 2), dy = Numbers(rows * columns, 3);
        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            double F(double g) => activation == Activation.Silu
                ? g / (1 + Math.Exp(-g))
                : 0.5 * g * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (g + 0.044715 * g * g * g)));
            Tensor gates = Tensor(backend, gate, rows, columns), ups = Tensor(backend, up, rows, columns), y = backend.Allocate(new Shape(rows, columns));
            backend.GatedActivation(gates, ups, activation, y);
            Close([.. gate.Select((g, i) => F(g) * up[i])], Values(backend, y), Tolerance);

            // The gradient of the gate may replace dy.
            Tensor dGate = Tensor(backend, dy, rows, columns), dUp = backend.Allocate(new Shape(rows, columns));
            backend.GatedActivationBackward(dGate, gates, ups, activation, dGate, dUp);
            Close([.. gate.Select((g, i) => dy[i] * up[i] * (F(g + Step) - F(g - Step)) / (2 * Step))], Values(backend, dGate), 1e-5);
            Close([.. gate.Select((g, i) => dy[i] * F(g))], Values(backend, dUp), Tolerance);
        }
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void Rope_turns_pairs_of_the_first_dims_and_back(string kernels)
    {
        using CpuBackend backend = CpuBackend.Create(2, kernels);
        const int Heads = 3, MaxPosition = 40;
        int[] positions = [.. Enumerable.Range(0, 37).Select(t => t * 7 % MaxPosition)];
        foreach ((int dim, int pairs) in ((int, int)[])[(64, 32), (10, 5), (24, 7)])
        {
            float[] x = Numbers(positions.Length * Heads * dim, 1);
            double[] angles = [.. Enumerable.Range(0, MaxPosition * pairs).Select(i => i / pairs * Math.Pow(10000, -(i % pairs) / (double)pairs))];
            Tensor xs = Tensor(backend, x, positions.Length, Heads * dim);
            Tensor cosines = Tensor(backend, [.. angles.Select(a => (float)Math.Cos(a))], MaxPosition, pairs), sines = Tensor(backend, [.. angles.Select(a => (float)Math.Sin(a))], MaxPosition, pairs);
            backend.Rope(xs, Heads, positions, cosines, sines);
            double[] expected = Widen(x);
            for (int head = 0; head < positions.Length * Heads; head++)
            {
                for (int i = 0; i < pairs; i++)
                {
                    double angle = angles[positions[head / Heads] * pairs + i];
                    int low = head * dim + i, high = low + pairs;
                    expected[low] = x[low] * Math.Cos(angle) - x[high] * Math.Sin(angle);
                    expected[high] = x[high] * Math.Cos(angle) + x[low] * Math.Sin(angle);
                }
            }

            Close(expected, Values(backend, xs), Tolerance);
            backend.Rope(xs, Heads, positions, cosines, sines, inverse: true);
            Close(Widen(x), Values(backend, xs), Tolerance);
        }
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void Columns_are_copied_and_nothing_beside_them(string kernels)
    {
        using CpuBackend backend = CpuBackend.Create(2, kernels);
        const int Rows = 700, Wide = 37, Narrow = 21, FirstOfWide = 5, FirstOfNarrow = 3, Columns = 17;
        float[] wide = Numbers(Rows * Wide, 1), narrow = Numbers(Rows * Narrow, 2);
        foreach (ElementType type in new[] { ElementType.F32, ElementType.BF16 })
        {
            Tensor x = backend.Allocate(new Shape(Rows, Wide), type), y = backend.Allocate(new Shape(Rows, Narrow), type);
            backend.Write(x, wide);
            backend.Write(y, narrow);
            float[] expected = Values(backend, y), source = Values(backend, x);
            for (int row = 0; row < Rows; row++)
            {
                source.AsSpan(row * Wide + FirstOfWide, Columns).CopyTo(expected.AsSpan(row * Narrow + FirstOfNarrow));
            }

            backend.CopyColumns(x, FirstOfWide, y, FirstOfNarrow, Columns);
            Assert.Equal(expected, Values(backend, y));
            Assert.Throws<ArgumentException>(() => backend.CopyColumns(x, FirstOfWide, y, FirstOfNarrow + 2, Columns));
            Assert.Throws<ArgumentException>(() => backend.CopyColumns(x, -1, y, FirstOfNarrow, Columns));
        }
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void Numbers_are_capped_softly(string kernels)
    {
        using CpuBackend backend = CpuBackend.Create(2, kernels);
        float[] x = Numbers(20_003, 1, 40);
        Tensor xs = Tensor(backend, x, 1, x.Length);
        backend.SoftCap(xs, 30);
        Close([.. x.Select(value => 30 * Math.Tanh(value / 30.0))], Values(backend, xs), 1e-6);
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void Rows_are_looked_up_gathered_and_scattered(string kernels)
    {
        using CpuBackend backend = CpuBackend.Create(2, kernels);
        const int Columns = 37;
        float[] table = Numbers(9 * Columns, 1), dy = Numbers(5 * Columns, 2);
        int[] ids = [3, 8, 3, 0, 3], rows = [4, 0, 7, 2, 1];
        Tensor tables = Tensor(backend, table, 9, Columns), y = backend.Allocate(new Shape(5, Columns));
        backend.Embed(ids, tables, 2.5f, y);
        Close([.. Enumerable.Range(0, 5 * Columns).Select(i => 2.5 * table[ids[i / Columns] * Columns + i % Columns])], Values(backend, y), 1e-7);
        backend.GatherRows(tables, rows, y);
        Assert.Equal(Enumerable.Range(0, 5 * Columns).Select(i => table[rows[i / Columns] * Columns + i % Columns]), Values(backend, y));

        double[] expected = Widen(table);
        backend.EmbedBackward(ids, Tensor(backend, dy, 5, Columns), 2.5f, tables);
        for (int i = 0; i < dy.Length; i++)
        {
            expected[ids[i / Columns] * Columns + i % Columns] += 2.5 * dy[i];
        }

        Close(expected, Values(backend, tables), Tolerance);
        backend.ScatterAddRows(Tensor(backend, dy, 5, Columns), rows, tables);
        for (int i = 0; i < dy.Length; i++)
        {
            expected[rows[i / Columns] * Columns + i % Columns] += dy[i];
        }

        Close(expected, Values(backend, tables), Tolerance);
        Assert.Throws<ArgumentException>(() => backend.Embed([0, 9, 1, 1, 1], tables, 1, y));
    }

    private static double Dot(double[] a, float[] b) => a.Select((value, i) => value * b[i]).Sum();

    private static double[] Gradient(double[] at, Func<double[], double> function)
    {
        double[] gradient = new double[at.Length], moved = [.. at];
        for (int i = 0; i < at.Length; i++)
        {
            moved[i] = at[i] + Step;
            double high = function(moved);
            moved[i] = at[i] - Step;
            gradient[i] = (high - function(moved)) / (2 * Step);
            moved[i] = at[i];
        }

        return gradient;
    }
}
