using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Backends;

public sealed class AttentionTests : BackendTest
{
    /// <summary>Single precision against double, relative to the largest element.</summary>
    private const double Tolerance = 3e-6;

    private static readonly (AttentionShape Shape, int[] Starts)[] Cases =
    [
        (new AttentionShape(1, 1, 8, 0.35f), [0, 1]),
        (new AttentionShape(4, 2, 16, 0.25f), [0, 5, 6, 45]),
        (new AttentionShape(3, 3, 64, 0.125f), [0, 130]),
        (new AttentionShape(6, 2, 32, 0.2f, Window: 7), [0, 100, 137]),
        (new AttentionShape(4, 1, 24, 0.2f, SoftCap: 3), [0, 33, 33, 70]),
        (new AttentionShape(2, 1, 8, 0.3f, Window: 40, SoftCap: 2), [0, 150]),
        (new AttentionShape(2, 2, 6, 0.4f), [0, 20]),
    ];

    public static TheoryData<string, int> CaseNumbers()
    {
        var data = new TheoryData<string, int>();
        foreach (string kernels in Available)
        {
            for (int i = 0; i < Cases.Length; i++)
            {
                data.Add(kernels, i);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(CaseNumbers))]
    public void Forward_and_backward_equal_the_definition_in_double_precision(string kernels, int number)
    {
        (AttentionShape shape, int[] starts) = Cases[number];
        using CpuBackend backend = CpuBackend.Create(2, kernels);
        Reference expected = new(shape, starts);
        Operands operands = new(backend, shape, starts[^1], expected);
        backend.Attention(operands.Query, operands.Key, operands.Value, shape, starts, operands.Output, operands.LogSumExp);
        Close(expected.Output, Values(backend, operands.Output), Tolerance);
        Close(expected.LogSumExp, Values(backend, operands.LogSumExp), Tolerance);
        backend.AttentionBackward(
            operands.DOutput, operands.Query, operands.Key, operands.Value, operands.Output, operands.LogSumExp, shape, starts,
            operands.DQuery, operands.DKey, operands.DValue);
        Close(expected.DQuery, Values(backend, operands.DQuery), Tolerance);
        Close(expected.DKey, Values(backend, operands.DKey), Tolerance);
        Close(expected.DValue, Values(backend, operands.DValue), Tolerance);
    }

    [Theory]
    [MemberData(nameof(CaseNumbers))]
    public void New_rows_over_a_cache_equal_the_last_rows_of_one_document(string kernels, int number)
    {
        AttentionShape shape = Cases[number].Shape;
        const int Tokens = 70, Capacity = 75;
        using CpuBackend backend = CpuBackend.Create(2, kernels);
        Reference expected = new(shape, [0, Tokens]);
        foreach (int count in (int[])[1, 3, 20, Tokens])
        {
            int past = Tokens - count, columns = shape.Heads * shape.HeadDim, keyColumns = shape.KeyValueHeads * shape.HeadDim;
            Tensor query = Tensor(backend, expected.Query[(past * columns)..], count, columns), output = backend.Allocate(new Shape(count, columns));
            Tensor keys = backend.Allocate(new Shape(Capacity, keyColumns)), values = backend.Allocate(new Shape(Capacity, keyColumns));
            backend.Write(keys, expected.Key);
            backend.Write(values, expected.Value);
            backend.Write(keys, Enumerable.Repeat(float.NaN, (Capacity - Tokens) * keyColumns).ToArray(), Tokens * keyColumns);
            backend.CachedAttention(query, keys, values, past, shape, output);
            Close(expected.Output[(past * columns)..], Values(backend, output), Tolerance);
        }
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void A_document_gets_the_same_bits_alone_as_in_a_pack(string kernels)
    {
        var shape = new AttentionShape(4, 2, 16, 0.25f);
        int[] starts = [0, 50, 120, 121];
        using CpuBackend backend = CpuBackend.Create(2, kernels);
        var packed = new Operands(backend, shape, 121, new Reference(shape, starts));
        packed.Run(starts);
        for (int document = 0; document < 3; document++)
        {
            int first = starts[document], count = starts[document + 1] - first;
            var alone = new Operands(backend, shape, count, new Reference(shape, starts), first);
            alone.Run([0, count]);
            foreach ((Tensor whole, Tensor part) in packed.Results.Zip(alone.Results))
            {
                Assert.Equal(Values(backend, whole.Rows(first, count)), Values(backend, part));
            }
        }
    }

    /// <summary>Tensors of one call, filled from some row on of the reference's operands.</summary>
    private sealed class Operands
    {
        private readonly Backend _backend;
        private readonly AttentionShape _shape;

        public Operands(Backend backend, AttentionShape shape, int tokens, Reference from, int first = 0)
        {
            _backend = backend;
            _shape = shape;
            int columns = shape.Heads * shape.HeadDim, keyColumns = shape.KeyValueHeads * shape.HeadDim;
            Query = Tensor(backend, from.Query.AsSpan(first * columns, tokens * columns).ToArray(), tokens, columns);
            DOutput = Tensor(backend, from.DOutput.AsSpan(first * columns, tokens * columns).ToArray(), tokens, columns);
            Key = Tensor(backend, from.Key.AsSpan(first * keyColumns, tokens * keyColumns).ToArray(), tokens, keyColumns);
            Value = Tensor(backend, from.Value.AsSpan(first * keyColumns, tokens * keyColumns).ToArray(), tokens, keyColumns);
            Output = backend.Allocate(new Shape(tokens, columns));
            LogSumExp = backend.Allocate(new Shape(tokens, shape.Heads));
            DQuery = Tensor(backend, Numbers(tokens * columns, 20), tokens, columns);
            DKey = Tensor(backend, Numbers(tokens * keyColumns, 21), tokens, keyColumns);
            DValue = Tensor(backend, Numbers(tokens * keyColumns, 22), tokens, keyColumns);
        }

        public Tensor Query { get; }

        public Tensor Key { get; }

        public Tensor Value { get; }

        public Tensor Output { get; }

        public Tensor LogSumExp { get; }

        public Tensor DOutput { get; }

        public Tensor DQuery { get; }

        public Tensor DKey { get; }

        public Tensor DValue { get; }

        public Tensor[] Results => [Output, LogSumExp, DQuery, DKey, DValue];

        public void Run(int[] starts)
        {
            _backend.Attention(Query, Key, Value, _shape, starts, Output, LogSumExp);
            _backend.AttentionBackward(DOutput, Query, Key, Value, Output, LogSumExp, _shape, starts, DQuery, DKey, DValue);
        }
    }

    /// <summary>Attention written out in double precision, with its gradients by the chain rule over whole score rows.</summary>
    private sealed class Reference
    {
        public Reference(AttentionShape shape, int[] starts)
        {
            int tokens = starts[^1], dim = shape.HeadDim, columns = shape.Heads * dim, keyColumns = shape.KeyValueHeads * dim;
            Query = Numbers(tokens * columns, 1);
            Key = Numbers(tokens * keyColumns, 2);
            Value = Numbers(tokens * keyColumns, 3);
            DOutput = Numbers(tokens * columns, 4);
            Output = new double[tokens * columns];
            DQuery = new double[tokens * columns];
            DKey = new double[tokens * keyColumns];
            DValue = new double[tokens * keyColumns];
            LogSumExp = new double[tokens * shape.Heads];
            for (int document = 0; document + 1 < starts.Length; document++)
            {
                for (int row = starts[document]; row < starts[document + 1]; row++)
                {
                    int first = shape.Window > 0 ? Math.Max(starts[document], row - shape.Window + 1) : starts[document];
                    for (int head = 0; head < shape.Heads; head++)
                    {
                        Row(shape, row, first, head, row * columns + head * dim, head / (shape.Heads / shape.KeyValueHeads) * dim, keyColumns);
                    }
                }
            }
        }

        public float[] Query { get; }

        public float[] Key { get; }

        public float[] Value { get; }

        public float[] DOutput { get; }

        public double[] Output { get; }

        public double[] LogSumExp { get; }

        public double[] DQuery { get; }

        public double[] DKey { get; }

        public double[] DValue { get; }

        private void Row(AttentionShape shape, int row, int first, int head, int at, int headAt, int keyColumns)
        {
            int dim = shape.HeadDim, count = row + 1 - first;
            double[] scores = new double[count], slopes = new double[count], dProbabilities = new double[count];
            for (int j = 0; j < count; j++)
            {
                int keyAt = (first + j) * keyColumns + headAt;
                for (int d = 0; d < dim; d++)
                {
                    scores[j] += (double)Query[at + d] * Key[keyAt + d] * shape.Scale;
                    dProbabilities[j] += (double)DOutput[at + d] * Value[keyAt + d];
                }

                double tanh = shape.SoftCap > 0 ? Math.Tanh(scores[j] / shape.SoftCap) : 0;
                slopes[j] = 1 - tanh * tanh;
                scores[j] = shape.SoftCap > 0 ? shape.SoftCap * tanh : scores[j];
            }

            double largest = scores.Max(), sum = scores.Sum(score => Math.Exp(score - largest));
            LogSumExp[row * shape.Heads + head] = largest + Math.Log(sum);
            double[] probabilities = [.. scores.Select(score => Math.Exp(score - largest) / sum)];
            double delta = probabilities.Zip(dProbabilities, (p, dp) => p * dp).Sum();
            for (int j = 0; j < count; j++)
            {
                int keyAt = (first + j) * keyColumns + headAt;
                double dScore = probabilities[j] * (dProbabilities[j] - delta) * slopes[j] * shape.Scale;
                for (int d = 0; d < dim; d++)
                {
                    Output[at + d] += probabilities[j] * Value[keyAt + d];
                    DValue[keyAt + d] += probabilities[j] * DOutput[at + d];
                    DKey[keyAt + d] += dScore * Query[at + d];
                    DQuery[at + d] += dScore * Key[keyAt + d];
                }
            }
        }
    }
}
