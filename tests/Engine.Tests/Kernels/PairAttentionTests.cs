using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Kernels;

/// <summary>Attention of BF16 numbers against the plain form in single precision, on operands that are the same numbers.</summary>
public sealed unsafe class PairAttentionTests
{
    private const float Log = 1e-5f;

    private static readonly (AttentionLayout Layout, int[] Starts)[] Cases =
    [
        (new AttentionLayout(1, 1, 8, 0.35f, 0, 0), [0, 1]),
        (new AttentionLayout(4, 2, 16, 0.25f, 0, 0), [0, 5, 6, 45, 45, 300]),
        (new AttentionLayout(3, 3, 64, 0.125f, 0, 0), [0, 130]),
        (new AttentionLayout(3, 1, 64, 0.125f, 0, 0), [0, 129, 400]),
        (new AttentionLayout(6, 2, 32, 0.2f, 7, 0), [0, 100, 237]),
        (new AttentionLayout(2, 1, 16, 0.2f, 150, 0), [0, 401]),
        (new AttentionLayout(4, 1, 24, 0.2f, 0, 3), [0, 33, 33, 70]),
        (new AttentionLayout(2, 1, 8, 0.3f, 40, 2), [0, 150]),
        (new AttentionLayout(2, 2, 7, 0.4f, 0, 0), [0, 20, 171]),
        (new AttentionLayout(2, 1, 1, 0.7f, 3, 0), [0, 37]),
        (new AttentionLayout(2, 1, 80, -0.1f, 0, 0), [0, 61]),
        (new AttentionLayout(2, 1, 128, 0.09f, 0, 0), [0, 290]),
        (new AttentionLayout(1, 1, 141, 0.09f, 0, 0), [0, 67]),
    ];

    private static IEnumerable<KernelSet> Sets => KernelSet.All.Where(set => set.IsAvailable).Append(InterpretedAmx.Set);

    public static TheoryData<string, int> CaseNumbers()
    {
        var data = new TheoryData<string, int>();
        foreach (KernelSet set in Sets)
        {
            for (int i = 0; i < Cases.Length; i++)
            {
                data.Add(set.Name, i);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(CaseNumbers))]
    public void Forward_and_backward_equal_the_plain_form(string kernels, int number)
    {
        (AttentionLayout layout, int[] starts) = Cases[number];
        var operands = new Operands(layout, starts[^1]);
        operands.Run(kernels, 2, layout, starts);
        Reference expected = new(layout, starts, operands);
        for (int i = 0; i < expected.LogSumExp.Length; i++)
        {
            Assert.Equal(expected.LogSumExp[i], operands.LogSumExp[i], Log * (1 + Math.Abs(expected.LogSumExp[i])));
        }

        Close(expected.Output, operands.Output);
        Close(expected.DValue, operands.DValue);
        Close(expected.DQuery, operands.DQuery);
        Close(expected.DKey, operands.DKey);
    }

    [Theory]
    [MemberData(nameof(CaseNumbers))]
    public void Bits_depend_neither_on_threads_nor_on_other_documents_nor_on_earlier_calls(string kernels, int number)
    {
        (AttentionLayout layout, int[] starts) = Cases[number];
        var one = new Operands(layout, starts[^1]);
        one.Run(kernels, 1, layout, starts);
        var several = new Operands(layout, starts[^1]);
        several.Run(kernels, 5, layout, starts, runsOnNotNumbersFirst: true);
        foreach ((ushort[] expected, ushort[] actual) in one.Results.Zip(several.Results))
        {
            Assert.Equal(expected, actual);
        }

        Assert.Equal(one.LogSumExp, several.LogSumExp);
        for (int document = 0; document + 1 < starts.Length; document++)
        {
            int first = starts[document], count = starts[document + 1] - first;
            var alone = new Operands(layout, count, one, first);
            alone.Run(kernels, 2, layout, [0, count]);
            foreach ((ushort[] expected, ushort[] actual) in one.Results.Zip(alone.Results))
            {
                int columns = expected.Length / starts[^1];
                Assert.Equal(expected.AsSpan(first * columns, count * columns).ToArray(), actual);
            }
        }
    }

    /// <summary>Numbers rounded to 8 bits, as operands of products and at the end: about 2⁻⁹ of the largest, and of the whole.</summary>
    private static void Close(float[] expected, ushort[] actual)
    {
        double largest = 1e-30, error = 0, squares = 1e-30, squaredErrors = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double difference = expected[i] - BF16Format.Widen(actual[i]);
            largest = Math.Max(largest, Math.Abs(expected[i]));
            error = Math.Max(error, double.IsNaN(difference) ? double.MaxValue : Math.Abs(difference));
            squares += (double)expected[i] * expected[i];
            squaredErrors += difference * difference;
        }

        // A document of one row has gradients of queries and keys that are zero but for rounding.
        Assert.InRange(error, 0, 0.012 * Math.Max(largest, 0.1));
        Assert.InRange(Math.Sqrt(squaredErrors), 0, 0.006 * Math.Max(Math.Sqrt(squares), 0.1));
    }

    private static ushort[] Numbers(int count, ulong stream)
    {
        var random = new CounterRandom(7, RandomPurpose.Initialisation, stream);
        return [.. Enumerable.Range(0, count).Select(i => BF16Format.Round(random.Normal((ulong)i)))];
    }

    private sealed class Operands
    {
        public Operands(in AttentionLayout layout, int tokens)
        {
            Query = Numbers(tokens * layout.QueryStep, 1);
            Key = Numbers(tokens * layout.KeyStep, 2);
            Value = Numbers(tokens * layout.KeyStep, 3);
            DOutput = Numbers(tokens * layout.QueryStep, 4);
            LogSumExp = new float[tokens * layout.Heads];
            Output = Numbers(tokens * layout.QueryStep, 5);
            DQuery = Numbers(tokens * layout.QueryStep, 6);
            DKey = Numbers(tokens * layout.KeyStep, 7);
            DValue = Numbers(tokens * layout.KeyStep, 8);
        }

        public Operands(in AttentionLayout layout, int tokens, Operands from, int first)
            : this(layout, tokens)
        {
            from.Query.AsSpan(first * layout.QueryStep, tokens * layout.QueryStep).CopyTo(Query);
            from.Key.AsSpan(first * layout.KeyStep, tokens * layout.KeyStep).CopyTo(Key);
            from.Value.AsSpan(first * layout.KeyStep, tokens * layout.KeyStep).CopyTo(Value);
            from.DOutput.AsSpan(first * layout.QueryStep, tokens * layout.QueryStep).CopyTo(DOutput);
        }

        public ushort[] Query { get; }

        public ushort[] Key { get; }

        public ushort[] Value { get; }

        public ushort[] DOutput { get; }

        public float[] LogSumExp { get; }

        public ushort[] Output { get; }

        public ushort[] DQuery { get; }

        public ushort[] DKey { get; }

        public ushort[] DValue { get; }

        public ushort[][] Results => [Output, DQuery, DKey, DValue];

        public void Run(string kernels, int threads, in AttentionLayout layout, int[] starts, bool runsOnNotNumbersFirst = false)
        {
            using var pool = new WorkerPool(threads);
            KernelSet set = Sets.First(set => set.Name == kernels);
            using var forward = new PairAttentionForward(set, pool);
            using var backward = new PairAttentionBackward(set, pool);
            if (runsOnNotNumbersFirst)
            {
                const ushort NotANumber = 0x7FC0;
                int tokens = starts[^1] + 150;
                var none = new Operands(layout, tokens);
                none.Query.AsSpan().Fill(NotANumber);
                none.Key.AsSpan().Fill(NotANumber);
                none.Value.AsSpan().Fill(NotANumber);
                none.DOutput.AsSpan().Fill(NotANumber);
                none.Run(forward, backward, layout, [0, tokens]);
                Assert.All(none.Results, result => Assert.All(result, bits => Assert.True(float.IsNaN(BF16Format.Widen(bits)))));
            }

            Run(forward, backward, layout, starts);
        }

        private void Run(PairAttentionForward forward, PairAttentionBackward backward, in AttentionLayout layout, int[] starts)
        {
            fixed (ushort* q = Query, k = Key, v = Value, o = Output, dO = DOutput, dq = DQuery, dk = DKey, dv = DValue)
            fixed (float* lse = LogSumExp)
            {
                var operands = new PairAttentionOperands
                {
                    Query = q,
                    Key = k,
                    Value = v,
                    Output = o,
                    LogSumExp = lse,
                    DOutput = dO,
                    DQuery = dq,
                    DKey = dk,
                    DValue = dv,
                    QueryStep = layout.QueryStep,
                    KeyStep = layout.KeyStep,
                    LogSumExpStep = layout.Heads,
                };
                forward.Run(layout, operands, starts);
                backward.Run(layout, operands, starts);
            }
        }
    }

    /// <summary><see cref="AttentionScalar"/> document by document, gradients of a group summed.</summary>
    private sealed class Reference
    {
        public Reference(in AttentionLayout layout, int[] starts, Operands operands)
        {
            int tokens = starts[^1], dim = layout.HeadDim;
            float[] query = Widen(operands.Query), key = Widen(operands.Key), value = Widen(operands.Value), dOutput = Widen(operands.DOutput);
            LogSumExp = new float[tokens * layout.Heads];
            Output = new float[query.Length];
            DQuery = new float[query.Length];
            DKey = new float[key.Length];
            DValue = new float[key.Length];
            float[] dKeys = new float[query.Length], dValues = new float[query.Length], scratch = new float[tokens];
            fixed (float* q = query, k = key, v = value, dO = dOutput, o = Output, lse = LogSumExp, dq = DQuery, dks = dKeys, dvs = dValues, s = scratch)
            {
                for (int document = 0; document + 1 < starts.Length; document++)
                {
                    for (int h = 0; h < layout.Heads; h++)
                    {
                        long at = (long)starts[document] * layout.QueryStep + h * dim, keyAt = (long)starts[document] * layout.KeyStep + h / layout.GroupSize * dim;
                        var head = new AttentionHead
                        {
                            Query = q + at,
                            Key = k + keyAt,
                            Value = v + keyAt,
                            Output = o + at,
                            LogSumExp = lse + starts[document] * layout.Heads + h,
                            Rows = starts[document + 1] - starts[document],
                        };
                        var gradient = new AttentionGradient { DOutput = dO + at, DQuery = dq + at, DKey = dks + at, DValue = dvs + at, DKeyStep = layout.QueryStep };
                        for (int row = 0; row < head.Rows; row++)
                        {
                            KernelSet.Scalar.Attention.Forward(layout, head, null, row, s);
                        }

                        KernelSet.Scalar.Attention.Backward(layout, head, gradient, s);
                    }
                }
            }

            for (int i = 0; i < dKeys.Length; i++)
            {
                int token = i / layout.QueryStep, head = i % layout.QueryStep / dim, at = token * layout.KeyStep + head / layout.GroupSize * dim + i % dim;
                DKey[at] += dKeys[i];
                DValue[at] += dValues[i];
            }
        }

        public float[] LogSumExp { get; }

        public float[] Output { get; }

        public float[] DQuery { get; }

        public float[] DKey { get; }

        public float[] DValue { get; }

        private static float[] Widen(ushort[] numbers) => [.. numbers.Select(BF16Format.Widen)];
    }
}
