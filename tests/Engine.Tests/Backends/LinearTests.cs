using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Backends;

public sealed unsafe class LinearTests : BackendTest
{
    /// <summary>Sums of some hundred products in single precision against double.</summary>
    private const double Tolerance = 2e-6;

    public static TheoryData<string, int, int, int> Shapes()
    {
        var data = new TheoryData<string, int, int, int>();
        foreach (string kernels in Available)
        {
            foreach ((int t, int k, int n) in ((int, int, int)[])[(1, 1, 1), (1, 64, 33), (3, 96, 70), (5, 31, 17), (13, 288, 65), (33, 576, 40), (70, 100, 300)])
            {
                data.Add(kernels, t, k, n);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Forward_is_the_product_with_the_transposed_weight_plus_bias(string kernels, int tokens, int inputs, int outputs)
    {
        using CpuBackend backend = CpuBackend.Create(2, kernels);
        var layer = new Layer(tokens, inputs, outputs);
        Tensor y = Tensor(backend, Numbers(tokens * outputs, 9), tokens, outputs);
        Tensor x = Tensor(backend, layer.X, tokens, inputs), weight = Tensor(backend, layer.W, outputs, inputs), bias = Tensor(backend, layer.Bias, outputs);
        backend.Linear(x, weight, bias, null, y);
        double[] expected = layer.Forward(withBranch: false);
        Close(expected, Values(backend, y), Tolerance);
        backend.Linear(x, weight, bias, null, y, addend: y);
        Close([.. expected.Select(value => 2 * value)], Values(backend, y), Tolerance);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_low_rank_branch_and_its_dropout_follow_the_formula_forward_and_back(string kernels, int tokens, int inputs, int outputs)
    {
        using CpuBackend backend = CpuBackend.Create(2, kernels);
        foreach (float probability in (float[])[0, 0.3f])
        {
            var layer = new Layer(tokens, inputs, outputs) { Dropout = new Dropout(probability, 5, 77) };
            Tensor y = backend.Allocate(new Shape(tokens, outputs)), dx = Tensor(backend, Numbers(tokens * inputs, 8), tokens, inputs);
            Tensor dWeight = backend.Allocate(new Shape(outputs, inputs)), dBias = backend.Allocate(new Shape(outputs));
            Tensor x = Tensor(backend, layer.X, tokens, inputs), weight = Tensor(backend, layer.W, outputs, inputs);
            LowRank branch = layer.Branch(backend);
            backend.Linear(x, weight, Tensor(backend, layer.Bias, outputs), branch, y);
            Close(layer.Forward(withBranch: true), Values(backend, y), Tolerance);

            Tensor dy = Tensor(backend, layer.Dy, tokens, outputs);
            backend.LinearBackward(dy, x, weight, branch, dx, false, dWeight, dBias);
            Gradients expected = layer.Backward();
            Close(expected.X, Values(backend, dx), Tolerance);
            Close(expected.W, Values(backend, dWeight), Tolerance);
            Close(expected.Bias, Values(backend, dBias), Tolerance);
            Close(expected.A, Values(backend, branch.DA!), Tolerance);
            Close(expected.B, Values(backend, branch.DB!), Tolerance);
            backend.LinearBackward(dy, x, weight, branch, dx, true, dWeight, dBias);
            Close([.. expected.X.Select(value => 2 * value)], Values(backend, dx), Tolerance);
            Close([.. expected.W.Select(value => 2 * value)], Values(backend, dWeight), Tolerance);
            Close([.. expected.A.Select(value => 2 * value)], Values(backend, branch.DA!), Tolerance);
        }
    }

    /// <summary>Deep enough, with rows enough, that the product is made in slices of its depth.</summary>
    [Fact]
    public void A_product_too_large_to_pack_at_once_is_the_same_product()
    {
        using CpuBackend backend = CpuBackend.Create(2);
        const int Tokens = 1100, Outputs = 4000, Inputs = 8, Rank = 4;
        float[] dy = Numbers(Tokens * Outputs, 1), w = Numbers(Outputs * Inputs, 2);
        Tensor dys = Tensor(backend, dy, Tokens, Outputs), weight = Tensor(backend, w, Outputs, Inputs), x = Tensor(backend, Numbers(Tokens * Inputs, 3), Tokens, Inputs);
        Tensor whole = backend.Allocate(new Shape(Tokens, Inputs)), part = backend.Allocate(new Shape(7, Inputs));
        var branch = new LowRank(Tensor(backend, Numbers(Rank * Inputs, 4), Rank, Inputs), Tensor(backend, Numbers(Outputs * Rank, 5), Outputs, Rank), 1, backend.Allocate(new Shape(Tokens, Rank)))
        {
            DProduct = backend.Allocate(new Shape(Tokens, Rank)),
        };
        LowRank few = branch with { Product = backend.Allocate(new Shape(7, Rank)), DProduct = backend.Allocate(new Shape(7, Rank)) };
        backend.LinearBackward(dys, x, weight, branch, whole, false, null, null);
        foreach (int first in (int[])[0, 500, Tokens - 7])
        {
            backend.LinearBackward(dys.Rows(first, 7), x.Rows(first, 7), weight, few, part, false, null, null);
            Close(Widen(Values(backend, part)), Values(backend, whole.Rows(first, 7)), Tolerance);
        }
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void A_weight_in_any_storage_acts_as_its_decoded_numbers(string kernels)
    {
        using CpuBackend backend = CpuBackend.Create(2, kernels);
        const int Inputs = 512, Outputs = 70;
        foreach (ElementType type in WeightDecoder.All.Select(format => format.Type))
        {
            using var bytes = new NativeBuffer(type.Bytes(Inputs) * Outputs);
            Fill(type, bytes);
            var stored = new StoredTensor("w", type, new Shape(Outputs, Inputs), bytes.Pointer, bytes.Length, bytes);
            Tensor weight = backend.Load(stored), decoded = Tensor(backend, WeightDecoder.Decode(stored), Outputs, Inputs);
            foreach (int tokens in (int[])[1, 3, 21])
            {
                Tensor x = Tensor(backend, Numbers(tokens * Inputs, 1), tokens, Inputs), dy = Tensor(backend, Numbers(tokens * Outputs, 2), tokens, Outputs);
                Tensor y = backend.Allocate(new Shape(tokens, Outputs)), dx = backend.Allocate(new Shape(tokens, Inputs));
                backend.Linear(x, weight, null, null, y);
                float[] actual = Values(backend, y);
                backend.Linear(x, decoded, null, null, y);
                if (tokens > DotProducts.MaxRows)
                {
                    Assert.Equal(Values(backend, y), actual);
                }
                else
                {
                    // A few rows meet some storages as they are stored: the same sums in another order.
                    Close(Widen(Values(backend, y)), actual, Tolerance);
                }

                backend.LinearBackward(dy, x, weight, null, dx, false, null, null);
                actual = Values(backend, dx);
                backend.LinearBackward(dy, x, decoded, null, dx, false, null, null);
                Assert.Equal(Values(backend, dx), actual);
            }
        }
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void Layers_of_one_input_are_those_made_one_by_one_for_any_number_of_threads(string kernels)
    {
        const int Inputs = 96, Rank = 5;
        int[] outputs = [70, 33, 517];
        foreach (int tokens in (int[])[1, 3, 21])
        {
            float[][] expected = [];
            foreach (int threads in (int[])[1, 3])
            {
                using CpuBackend backend = CpuBackend.Create(threads, kernels);
                using var bytes = new NativeBuffer(ElementType.Q4_1.Bytes(Inputs) * outputs.Max());
                Fill(ElementType.Q4_1, bytes);
                Tensor x = Tensor(backend, Numbers(tokens * Inputs, 1), tokens, Inputs);
                LinearOperands[] layers = [.. outputs.Select((count, i) => new LinearOperands(
                    backend.Load(new StoredTensor("w", ElementType.Q4_1, new Shape(count, Inputs), bytes.Pointer, ElementType.Q4_1.Bytes(Inputs) * count, bytes)),
                    i == 1 ? Tensor(backend, Numbers(count, 2), count) : null,
                    i == 0 ? null : new LowRank(Tensor(backend, Numbers(Rank * Inputs, 3), Rank, Inputs), Tensor(backend, Numbers(count * Rank, 4), count, Rank), 1.5f, backend.Allocate(new Shape(tokens, Rank))),
                    backend.Allocate(new Shape(tokens, count))))];
                foreach (LinearOperands layer in layers)
                {
                    backend.Linear(x, layer.Weight, layer.Bias, layer.LowRank, layer.Y);
                }

                float[][] single = [.. layers.Select(layer => Values(backend, layer.Y))];
                layers.ToList().ForEach(layer => backend.Zero(layer.Y));
                backend.Linears(x, layers);
                Assert.Equal(single, layers.Select(layer => Values(backend, layer.Y)));
                Assert.Equal(expected = threads == 1 ? single : expected, single);
            }
        }
    }

    [Fact]
    public void Operands_that_do_not_fit_are_named_with_their_shapes()
    {
        using CpuBackend backend = CpuBackend.Create(1);
        Tensor x = backend.Allocate(new Shape(3, 4)), weight = backend.Allocate(new Shape(5, 6)), y = backend.Allocate(new Shape(3, 5));
        ArgumentException exception = Assert.Throws<ArgumentException>(() => backend.Linear(x, weight, null, null, y));
        Assert.Contains("Linear", exception.Message);
        Assert.Contains("(3, 4)", exception.Message);
        Assert.Contains("(5, 6)", exception.Message);
    }

    /// <summary>Bytes whose half-precision scales are small and finite: random nibbles and quants, exponents bounded.</summary>
    private static void Fill(ElementType type, NativeBuffer bytes)
    {
        var random = new CounterRandom(3, RandomPurpose.Initialisation, (ulong)type);
        var span = new Span<byte>(bytes.Pointer, (int)bytes.Length);
        for (int i = 0; i < span.Length; i++)
        {
            span[i] = (byte)(random.UInt32((ulong)i) & 0x2F);
        }
    }

    private sealed record Gradients(double[] X, double[] W, double[] Bias, double[] A, double[] B);

    /// <summary>A linear layer with a branch of rank 5 in double precision, by the definition.</summary>
    private sealed class Layer(int tokens, int inputs, int outputs)
    {
        private const int Rank = 5;
        private const float BranchScale = 1.7f;

        public float[] X { get; } = Numbers(tokens * inputs, 1);

        public float[] W { get; } = Numbers(inputs * outputs, 2);

        public float[] Bias { get; } = Numbers(outputs, 3);

        public float[] Dy { get; } = Numbers(tokens * outputs, 4);

        private readonly float[] _a = Numbers(Rank * inputs, 5), _b = Numbers(Rank * outputs, 6);

        public Dropout Dropout { get; init; }

        public LowRank Branch(Backend backend) => new(
            Tensor(backend, _a, Rank, inputs), Tensor(backend, _b, outputs, Rank), BranchScale, backend.Allocate(new Shape(tokens, Rank)))
        {
            DA = backend.Allocate(new Shape(Rank, inputs)),
            DB = backend.Allocate(new Shape(outputs, Rank)),
            DProduct = backend.Allocate(new Shape(tokens, Rank)),
            Dropout = Dropout,
        };

        public double[] Forward(bool withBranch)
        {
            double[] y = Multiply(Widen(X), Transpose(Widen(W), outputs, inputs), tokens, inputs, outputs);
            double[] branch = Multiply(Product(), Transpose(Widen(_b), outputs, Rank), tokens, Rank, outputs);
            return [.. y.Select((value, i) => value + Bias[i % outputs] + (withBranch ? BranchScale * branch[i] : 0))];
        }

        public Gradients Backward()
        {
            double[] dy = Widen(Dy), mask = Mask();
            double[] dyTransposed = Transpose(dy, tokens, outputs);
            double[] dProduct = [.. Multiply(dy, Widen(_b), tokens, outputs, Rank).Select(value => BranchScale * value)];
            double[] dx = Multiply(dy, Widen(W), tokens, outputs, inputs), branch = Multiply(dProduct, Widen(_a), tokens, Rank, inputs);
            return new Gradients(
                [.. dx.Select((value, i) => value + mask[i] * branch[i])],
                Multiply(dyTransposed, Widen(X), outputs, tokens, inputs),
                [.. Enumerable.Range(0, outputs).Select(n => Enumerable.Range(0, tokens).Sum(t => dy[t * outputs + n]))],
                Multiply(Transpose(dProduct, tokens, Rank), [.. X.Select((value, i) => value * mask[i])], Rank, tokens, inputs),
                [.. Multiply(dyTransposed, Product(), outputs, tokens, Rank).Select(value => BranchScale * value)]);
        }

        private double[] Product()
        {
            double[] mask = Mask();
            return Multiply([.. X.Select((value, i) => value * mask[i])], Transpose(Widen(_a), Rank, inputs), tokens, inputs, Rank);
        }

        private double[] Mask()
        {
            var random = new CounterRandom(Dropout.Seed, RandomPurpose.Dropout, Dropout.Stream);
            return [.. X.Select((_, i) => random.UInt16((ulong)i) >= Math.Round(Dropout.Probability * 65536) ? 1 / (1.0 - Math.Round(Dropout.Probability * 65536) / 65536) : 0)];
        }

        private static double[] Transpose(double[] matrix, int rows, int columns) =>
            [.. Enumerable.Range(0, rows * columns).Select(i => matrix[i % rows * columns + i / rows])];

        private static double[] Multiply(double[] left, double[] right, int rows, int depth, int columns)
        {
            double[] product = new double[rows * columns];
            for (int m = 0; m < rows; m++)
            {
                for (int k = 0; k < depth; k++)
                {
                    for (int n = 0; n < columns; n++)
                    {
                        product[m * columns + n] += left[m * depth + k] * right[k * columns + n];
                    }
                }
            }

            return product;
        }
    }
}
