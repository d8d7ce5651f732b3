using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Backends;

public sealed class CrossEntropyTests : BackendTest
{
    private const double Tolerance = 3e-6;

    public static TheoryData<string, int, int, int, float> Sizes()
    {
        var data = new TheoryData<string, int, int, int, float>();
        foreach (string kernels in Available)
        {
            data.Add(kernels, 1, 5, 3, 0);
            data.Add(kernels, 7, 20, 131, 0);
            data.Add(kernels, 40, 33, 2100, 0);
            data.Add(kernels, 12, 17, 97, 2.5f);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Losses_and_gradients_equal_the_definition_in_double_precision(string kernels, int rows, int columns, int vocabulary, float softCap)
    {
        using CpuBackend backend = CpuBackend.Create(2, kernels);
        float[] hidden = Numbers(rows * columns, 1), head = Numbers(vocabulary * columns, 2), before = Numbers(vocabulary * columns, 3);
        int[] targets = [.. Enumerable.Range(0, rows).Select(row => row * 31 % vocabulary)];
        double[] losses = new double[rows], dHidden = new double[rows * columns], dHead = Widen(before);
        bool[] correct = new bool[rows];
        for (int row = 0; row < rows; row++)
        {
            double[] raw = [.. Enumerable.Range(0, vocabulary).Select(v => Enumerable.Range(0, columns).Sum(c => (double)hidden[row * columns + c] * head[v * columns + c]))];
            double[] z = softCap > 0 ? [.. raw.Select(value => softCap * Math.Tanh(value / softCap))] : raw;
            double largest = z.Max(), sum = z.Sum(value => Math.Exp(value - largest));
            losses[row] = largest + Math.Log(sum) - z[targets[row]];
            correct[row] = Array.IndexOf(z, largest) == targets[row];
            for (int v = 0; v < vocabulary; v++)
            {
                double slope = softCap > 0 ? 1 - Math.Pow(z[v] / softCap, 2) : 1;
                double d = (Math.Exp(z[v] - largest) / sum - (v == targets[row] ? 1 : 0)) * slope;
                for (int c = 0; c < columns; c++)
                {
                    dHidden[row * columns + c] += d * head[v * columns + c];
                    dHead[v * columns + c] += d * hidden[row * columns + c];
                }
            }
        }

        Tensor hiddens = Tensor(backend, hidden, rows, columns), heads = Tensor(backend, head, vocabulary, columns);
        Tensor gradient = backend.Allocate(new Shape(rows, columns)), headGradient = Tensor(backend, before, vocabulary, columns);
        float[] actual = new float[rows];
        bool[] actualCorrect = new bool[rows];
        backend.CrossEntropy(hiddens, heads, targets, softCap, actual, actualCorrect, gradient, headGradient);
        Close(losses, actual, Tolerance);
        Assert.Equal(correct, actualCorrect);
        Close(dHidden, Values(backend, gradient), Tolerance);
        Close(dHead, Values(backend, headGradient), Tolerance);
        float[] alone = new float[rows];
        backend.CrossEntropy(hiddens, heads, targets, softCap, alone, actualCorrect, null, null);
        Assert.Equal(actual, alone);
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void The_lowest_id_wins_a_tie(string kernels)
    {
        using CpuBackend backend = CpuBackend.Create(1, kernels);
        Tensor hidden = Tensor(backend, [1, 1], 2, 1), head = Tensor(backend, [.. Enumerable.Repeat(0f, 40).Select((_, v) => v is 20 or 30 ? 2f : 1f)], 40, 1);
        bool[] correct = new bool[2];
        backend.CrossEntropy(hidden, head, [20, 30], 0, new float[2], correct, null, null);
        Assert.Equal([true, false], correct);
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void A_hidden_state_that_is_no_number_gives_a_loss_that_is_none(string kernels)
    {
        using CpuBackend backend = CpuBackend.Create(1, kernels);
        float[] losses = new float[2];
        Tensor hidden = Tensor(backend, [float.NaN, 1], 2, 1), head = Tensor(backend, Numbers(100, 1), 100, 1);
        backend.CrossEntropy(hidden, head, [5, 5], 0, losses, new bool[2], null, null);
        Assert.True(float.IsNaN(losses[0]));
        Assert.True(float.IsFinite(losses[1]));
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void Large_logits_neither_overflow_nor_vanish(string kernels)
    {
        using CpuBackend backend = CpuBackend.Create(1, kernels);
        float[] losses = new float[1];
        float[] logits = [.. Enumerable.Range(0, 64).Select(v => v == 3 ? 5000f : v == 9 ? 4990f : -5000f)];
        backend.CrossEntropy(Tensor(backend, [1], 1, 1), Tensor(backend, logits, 64, 1), [9], 0, losses, new bool[1], backend.Allocate(new Shape(1, 1)), null);
        Assert.Equal(10.0000454, losses[0], 1e-4);
    }
}
