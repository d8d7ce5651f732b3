using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Backends;

/// <summary>Every operation on BF16 activations against the same operation in single precision on the same numbers.</summary>
public sealed class BFloat16Tests : BackendTest
{
    /// <summary>A BF16 number has 8 significant bits; results are rounded once or twice.</summary>
    private const double Tolerance = 1.0 / 100;

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void Linear_layers_with_branch_and_dropout_equal_single_precision_forward_and_back(string kernels)
    {
        foreach ((int tokens, int inputs, int outputs, int rank, float dropout) in ((int, int, int, int, float)[])[(13, 33, 65, 6, 0.3f), (9, 64, 48, 16, 0), (130, 96, 200, 3, 0), (1, 31, 17, 1, 0.5f)])
        {
            Same(kernels, run =>
            {
                Tensor x = run.Rows(1, tokens, inputs), weight = run.Fixed(2, outputs, inputs), bias = run.Fixed(3, outputs), y = run.Rows(4, tokens, outputs);
                var branch = new LowRank(run.Fixed(5, rank, inputs), run.Fixed(6, outputs, rank), 0.7f, run.Rows(7, tokens, rank))
                {
                    DA = run.Fixed(8, rank, inputs),
                    DB = run.Fixed(9, outputs, rank),
                    DProduct = run.Rows(10, tokens, rank),
                    Dropout = new Dropout(dropout, 5, 77),
                };
                run.Backend.Linear(x, weight, bias, branch, y, addend: y);
                Tensor dy = run.Rows(11, tokens, outputs), dx = run.Rows(12, tokens, inputs), dWeight = run.Fixed(13, outputs, inputs), dBias = run.Fixed(14, outputs);
                run.Backend.LinearBackward(dy, x, weight, branch, dx, true, dWeight, dBias);
                Tensor plain = run.Rows(15, tokens, outputs), other = run.Rows(16, tokens, inputs);
                run.Backend.Linear(x, weight, null, null, plain, addend: dy);
                run.Backend.LinearBackward(dy, x, weight, null, other, false, null, null);
                return [y, dx, branch.DA, branch.DB, dWeight, dBias, plain, other];
            });
        }
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void Single_precision_rows_are_rounded_for_the_product_and_stay_single_precision(string kernels)
    {
        Same(kernels, run =>
        {
            Tensor x = run.Fixed(1, 40, 33), weight = run.Fixed(2, 50, 33), y = run.Fixed(3, 40, 50), sum = run.Fixed(4, 40, 50);
            var branch = new LowRank(run.Fixed(5, 4, 33), run.Fixed(6, 50, 4), 2, run.Fixed(7, 40, 4));
            run.Backend.Linear(x, weight, null, branch, y);
            run.Backend.Linear(x, weight, null, null, sum, addend: y);
            return [y, sum];
        });
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void Layers_of_one_input_equal_single_precision_whatever_the_number_of_rows(string kernels)
    {
        foreach (int tokens in (int[])[1, 8, 9])
        {
            Same(kernels, run =>
            {
                Tensor x = run.Rows(1, tokens, 33), y = run.Rows(2, tokens, 50), z = run.Rows(3, tokens, 20);
                var branch = new LowRank(run.Fixed(4, 3, 33), run.Fixed(5, 20, 3), 2, run.Rows(6, tokens, 3));
                run.Backend.Linears(x, new LinearOperands(run.Fixed(7, 50, 33), run.Fixed(8, 50), null, y), new LinearOperands(run.Fixed(9, 20, 33), null, branch, z));
                return [y, z];
            });
        }
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void Operations_on_rows_equal_single_precision(string kernels)
    {
        Same(kernels, run =>
        {
            const int Tokens = 41, Columns = 72;
            int[] ids = [.. Enumerable.Range(0, Tokens).Select(i => i * 7 % 30)], rows = [3, 0, 40, 7], positions = [.. Enumerable.Range(0, Tokens).Select(i => i % 20)];
            Tensor table = run.Fixed(1, 30, Columns), x = run.Rows(2, Tokens, Columns), normed = run.Rows(3, Tokens, Columns), dTable = run.Fixed(4, 30, Columns);
            Tensor gathered = run.Rows(5, 4, Columns), widened = run.Fixed(6, 4, Columns), inverse = run.Fixed(7, Tokens), weight = run.Fixed(8, Columns), dWeight = run.Fixed(9, Columns);
            run.Backend.Embed(ids, table, 2, x);
            run.Backend.RmsNorm(x, weight, 1, 1e-5f, normed, inverse);
            Tensor residual = run.Rows(17, Tokens, Columns), other = run.Rows(18, Tokens, Columns);
            run.Backend.RmsNorm(x, weight, 1, 1e-5f, other, inverse, residual);
            run.Backend.RmsNorm(x, weight, 1, 1e-5f, residual, inverse, residual);
            run.Backend.GatherRows(normed, rows, gathered);
            run.Backend.GatherRows(normed, rows, widened);
            Tensor dx = run.Rows(10, Tokens, Columns), dy = run.Rows(11, Tokens, Columns), turned = run.Rows(12, Tokens, Columns);
            run.Backend.RmsNormBackward(dy, x, weight, 1, inverse, dx, dWeight);
            run.Backend.ScatterAddRows(gathered, rows, dx);
            run.Backend.EmbedBackward(ids, dy, 0.5f, dTable);
            run.Backend.Rope(turned, 3, positions, run.Fixed(13, 20, 12), run.Fixed(14, 20, 12));
            Tensor copy = run.Rows(15, Tokens, Columns), zero = run.Rows(16, Tokens, Columns);
            run.Backend.Copy(turned, copy);
            run.Backend.Zero(zero);
            return [x, normed, gathered, widened, dx, dWeight, dTable, turned, copy, zero, residual, other];
        });
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void Gated_activations_equal_single_precision(string kernels)
    {
        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            Same(kernels, run =>
            {
                Tensor gate = run.Rows(1, 37, 70), up = run.Rows(2, 37, 70), y = run.Rows(3, 37, 70), dy = run.Rows(4, 37, 70), dUp = run.Rows(5, 37, 70);
                run.Backend.GatedActivation(gate, up, activation, y);
                run.Backend.GatedActivationBackward(dy, gate, up, activation, dy, dUp);
                return [y, dy, dUp];
            });
        }
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void Attention_equals_single_precision_forward_and_back(string kernels)
    {
        foreach ((AttentionShape shape, int[] starts) in ((AttentionShape, int[])[])[(new(4, 2, 16, 0.25f), [0, 5, 6, 45]), (new(3, 3, 64, 0.125f), [0, 130]), (new(6, 2, 7, 0.2f, Window: 9, SoftCap: 3), [0, 50, 77])])
        {
            Same(kernels, run =>
            {
                int tokens = starts[^1], queries = shape.Heads * shape.HeadDim, keys = shape.KeyValueHeads * shape.HeadDim;
                Tensor q = run.Rows(1, tokens, queries), k = run.Rows(2, tokens, keys), v = run.Rows(3, tokens, keys), y = run.Rows(4, tokens, queries), lse = run.Fixed(5, tokens, shape.Heads);
                run.Backend.Attention(q, k, v, shape, starts, y, lse);
                Tensor dy = run.Rows(6, tokens, queries), dq = run.Rows(7, tokens, queries), dk = run.Rows(8, tokens, keys), dv = run.Rows(9, tokens, keys);
                run.Backend.AttentionBackward(dy, q, k, v, y, lse, shape, starts, dq, dk, dv);
                return [y, lse, dq, dk, dv];
            });
        }
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void The_loss_equals_single_precision_forward_and_back(string kernels)
    {
        Same(kernels, run =>
        {
            Tensor hidden = run.Rows(1, 37, 33), head = run.Fixed(2, 101, 33), dHidden = run.Rows(3, 37, 33), dHead = run.Fixed(4, 101, 33), losses = run.Fixed(5, 37);
            float[] values = new float[37];
            run.Backend.CrossEntropy(hidden, head, [.. Enumerable.Range(0, 37).Select(i => i * 11 % 101)], 0, values, new bool[37], dHidden, dHead);
            run.Backend.Write(losses, values);
            return [dHidden, dHead, losses];
        });
    }

    /// <summary>The same calls on both backends, from the same numbers, which BF16 holds exactly; the same bits for one thread and for three.</summary>
    private static void Same(string kernels, Func<Run, Tensor[]> calls)
    {
        float[][] expected = Results(kernels, 2, ElementType.F32, calls), actual = Results(kernels, 1, ElementType.BF16, calls);
        Assert.Equal(actual, Results(kernels, 3, ElementType.BF16, calls));
        foreach ((float[] wide, float[] narrow) in expected.Zip(actual))
        {
            Close(Widen(wide), narrow, Tolerance);
        }
    }

    private static float[][] Results(string kernels, int threads, ElementType type, Func<Run, Tensor[]> calls)
    {
        using CpuBackend backend = CpuBackend.Create(threads, kernels, type);
        return [.. calls(new Run(backend)).Select(tensor => Values(backend, tensor))];
    }

    /// <summary>Seeded operands on one backend: rows of the backend's type, and others that are F32 on both.</summary>
    private sealed class Run(Backend backend)
    {
        public Backend Backend => backend;

        public Tensor Rows(ulong stream, params long[] extents) => Filled(backend.Allocate(new Shape(extents), backend.ActivationType), stream);

        public Tensor Fixed(ulong stream, params long[] extents) => Filled(backend.Allocate(new Shape(extents)), stream);

        private Tensor Filled(Tensor tensor, ulong stream)
        {
            using Tensor rounded = backend.Allocate(tensor.Shape, ElementType.BF16);
            backend.Write(rounded, Numbers(tensor.Shape.Count, stream, 0.5f));
            backend.Write(tensor, Values(backend, rounded));
            return tensor;
        }
    }
}
