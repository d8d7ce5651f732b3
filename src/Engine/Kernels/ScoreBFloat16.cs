using System.Runtime.Intrinsics;
using FineTuneTool.Engine.Jit;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Emitted inner loops: AVX512-BF16 rounds a vector, or the two rows of a pair, by one instruction, and VSCALEFPS brings a power of two into place
/// with the limits that exponentials need. Neither is within the reach of compiled code.
/// </summary>
internal sealed unsafe class ScoreBFloat16 : ScoreVector<Simd512, Vector512<float>>
{
    private static readonly Lazy<nint> LargestCode = new(() => EmittedFunction.Emit("attention-largest", ScoreEmitter.EmitLargest).Address);
    private static readonly Lazy<nint> ExponentialsCode = new(() => EmittedFunction.Emit("attention-exponentials", ScoreEmitter.EmitExponentials).Address);
    private static readonly Lazy<nint> GradientsCode = new(() => EmittedFunction.Emit("attention-gradients", ScoreEmitter.EmitGradients).Address);

    public override void Softmax(in ScoreRows rows, in SoftmaxState state)
    {
        if (!IsPlain(rows))
        {
            base.Softmax(rows, state);
            return;
        }

        const int RowsAtOnce = 64;
        RowRun* table = stackalloc RowRun[RowsAtOnce];
        for (int start = 0; start < rows.Rows; start += RowsAtOnce)
        {
            int count = Math.Min(rows.Rows - start, RowsAtOnce);
            Softmax(rows.Part(start, count), state.Part(start), table);
        }
    }

    private static void Softmax(in ScoreRows rows, in SoftmaxState state, RowRun* table)
    {
        var run = new SoftmaxRun { Constants = ScoreConstants.Of(rows.Scale), Table = table };
        for (int row = 0; row < rows.Rows; row++)
        {
            ushort* probabilities = state.Probabilities + row * state.ProbabilitiesStep;
            (int first, int end) = Hide(rows, row);
            if (first > 0 || end < rows.Keys)
            {
                new Span<ushort>(probabilities, Math.Min(first, end)).Clear();
                new Span<ushort>(probabilities + end, rows.Keys - end).Clear();
            }

            state.Shrink[row] = state.Largest[row];
            if (first < end)
            {
                table[run.Rows++] = new RowRun
                {
                    Scores = rows.Scores + row * rows.ScoresStep + first,
                    Probabilities = probabilities + first,
                    Vectors = (end - first) / Simd512.Width,
                    Row = row,
                };
            }
        }

        if (run.Rows == 0)
        {
            return;
        }

        ((delegate* unmanaged<SoftmaxRun*, void>)LargestCode.Value)(&run);
        for (int i = 0; i < run.Rows; i++)
        {
            float* largest = state.Shrink + table[i].Row;
            *largest = MathF.Max(*largest, table[i].Value * rows.Scale);
            table[i].Value = -*largest * Log2E;
        }

        Shrink(rows, state);
        ((delegate* unmanaged<SoftmaxRun*, void>)ExponentialsCode.Value)(&run);
        for (int i = 0; i < run.Rows; i++)
        {
            state.Sums[table[i].Row] += table[i].Value;
        }
    }

    protected override void PlainGradients(in ScoreRows rows, in ScoreGradients gradients)
    {
        if (rows.Rows > 1)
        {
            var run = new GradientsRun
            {
                Constants = ScoreConstants.Of(rows.Scale),
                Rows = rows,
                Pairs = rows.Rows / 2,
                Vectors = rows.Keys / Simd512.Width,
                ScoresStep = rows.ScoresStep * sizeof(float),
                Gradients = gradients,
                DScoreRowsStep = gradients.DScoreRowsStep * sizeof(ushort),
            };
            ((delegate* unmanaged<GradientsRun*, void>)GradientsCode.Value)(&run);
        }

        if (rows.Rows % 2 > 0)
        {
            base.PlainGradients(rows.Part(rows.Rows - 1, 1), gradients.Part(rows, rows.Rows - 1));
        }
    }
}
