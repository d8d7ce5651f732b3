using System.Runtime.CompilerServices;

namespace FineTuneTool.Engine.Kernels;

/// <summary>By vectors, one key a lane; exponentials to base 2, so that the scale of the scores and the change of base are one factor.</summary>
internal unsafe class ScoreVector<S, V> : ScoreKernel
    where S : ISimd<V>
    where V : struct
{
    private readonly ScoreScalar _rest = new();

    public override void Softmax(in ScoreRows rows, in SoftmaxState state)
    {
        FindLargest(rows, state);
        Shrink(rows, state);
        Exponentials(rows, state);
    }

    public override void Gradients(in ScoreRows rows, in ScoreGradients gradients)
    {
        for (int row = 0; row < rows.Rows && (rows.End(0) < rows.Keys || rows.First(rows.Rows - 1) > 0); row++)
        {
            var scores = new Span<float>(rows.Scores + row * rows.ScoresStep, rows.Keys);
            scores[rows.End(row)..].Fill(Hidden);
            scores[..rows.First(row)].Fill(Hidden);
        }

        if (IsPlain(rows))
        {
            PlainGradients(rows, gradients);
        }
        else
        {
            CappedGradients(rows, gradients);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float Dot(ushort* a, ushort* b, int count)
    {
        V sums = S.Broadcast(0);
        int i = 0;
        for (; i <= count - S.Width; i += S.Width)
        {
            sums = S.MultiplyAdd(S.LoadBFloat16(a + i), S.LoadBFloat16(b + i), sums);
        }

        return S.Sum(sums) + _rest.Dot(a + i, b + i, count - i);
    }

    /// <summary>Down and up to whole vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (int First, int End) Vectors(in ScoreRows rows, int row) =>
        (rows.First(row) / S.Width * S.Width, (rows.End(row) + S.Width - 1) / S.Width * S.Width);

    /// <summary>Hides what the row does not see of its <see cref="Vectors"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected static (int First, int End) Hide(in ScoreRows rows, int row)
    {
        (int first, int end) = Vectors(rows, row);
        float* scores = rows.Scores + row * rows.ScoresStep;
        for (int j = first; j < rows.First(row); j++)
        {
            scores[j] = Hidden;
        }

        for (int j = rows.End(row); j < end; j++)
        {
            scores[j] = Hidden;
        }

        return (first, end);
    }

    /// <summary>Scores are capped and hidden; Shrink receives the largest score of each row, in the units of the softmax.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FindLargest(in ScoreRows rows, in SoftmaxState state)
    {
        for (int row = 0; row < rows.Rows; row++)
        {
            float* scores = rows.Scores + row * rows.ScoresStep;
            (int first, int end) = Vectors(rows, row);
            for (int j = first; j < end && !IsPlain(rows); j += S.Width)
            {
                S.Store(scores + j, Capped(rows, S.Load(scores + j), out _));
            }

            Hide(rows, row);
            V largest = S.Broadcast(Hidden);
            for (int j = first; j < end; j += S.Width)
            {
                largest = S.Max(largest, S.Load(scores + j));
            }

            state.Shrink[row] = MathF.Max(state.Largest[row], S.Largest(largest) * ScoreFactor(rows));
        }
    }

    /// <summary>Brings what was summed before to the new largest scores.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected static void Shrink(in ScoreRows rows, in SoftmaxState state)
    {
        for (int row = 0; row < rows.Rows; row += S.Width)
        {
            V now = S.Load(state.Shrink + row), factor = VectorFunctions<S, V>.Exp(S.Subtract(S.Load(state.Largest + row), now));
            S.Store(state.Largest + row, now);
            S.Store(state.Sums + row, S.Multiply(S.Load(state.Sums + row), factor));
            S.Store(state.Shrink + row, factor);
        }

        for (int row = 0; row < rows.Rows; row++)
        {
            V factor = S.Broadcast(state.Shrink[row]);
            float* output = state.Output + row * state.Columns;
            for (int d = 0; d < state.Columns && state.Shrink[row] != 1; d += S.Width)
            {
                S.Store(output + d, S.Multiply(S.Load(output + d), factor));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Exponentials(in ScoreRows rows, in SoftmaxState state)
    {
        V factor = S.Broadcast(ScoreFactor(rows) * Log2E);
        for (int row = 0; row < rows.Rows; row++)
        {
            float* scores = rows.Scores + row * rows.ScoresStep;
            ushort* probabilities = state.Probabilities + row * state.ProbabilitiesStep;
            (int first, int end) = Vectors(rows, row);
            if (first >= end)
            {
                new Span<ushort>(probabilities, rows.Keys).Clear();
                continue;
            }

            V shift = S.Broadcast(-state.Largest[row] * Log2E), sums = S.Broadcast(0);
            for (int j = first; j < end; j += S.Width)
            {
                V p = VectorFunctions<S, V>.Exp2(S.MultiplyAdd(S.Load(scores + j), factor, shift));
                S.StoreBFloat16(probabilities + j, p);
                sums = S.Add(sums, p);
            }

            state.Sums[row] += S.Sum(sums);
            new Span<ushort>(probabilities, first).Clear();
            new Span<ushort>(probabilities + end, rows.Keys - end).Clear();
        }
    }

    /// <summary>Whether the largest product of query and key has the largest score, and the least the least.</summary>
    protected static bool IsPlain(in ScoreRows rows) => rows.SoftCap <= 0 && rows.Scale > 0;

    /// <summary>Factor from what <see cref="FindLargest"/> leaves to the scores of the softmax.</summary>
    private static float ScoreFactor(in ScoreRows rows) => IsPlain(rows) ? rows.Scale : 1;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected virtual void PlainGradients(in ScoreRows rows, in ScoreGradients gradients)
    {
        V factor = S.Broadcast(rows.Scale * Log2E), scale = S.Broadcast(rows.Scale);
        for (int row = 0; row < rows.Rows; row += 2)
        {
            var pair = new RowPair(rows, gradients, row);
            V evenShift = S.Broadcast(pair.EvenShift), oddShift = S.Broadcast(pair.OddShift), evenDelta = S.Broadcast(pair.EvenDelta), oddDelta = S.Broadcast(pair.OddDelta);
            for (int j = 0; j < rows.Keys; j += S.Width)
            {
                V even = VectorFunctions<S, V>.Exp2(S.MultiplyAdd(S.Load(pair.Even + j), factor, evenShift));
                V odd = VectorFunctions<S, V>.Exp2(S.MultiplyAdd(S.Load(pair.Odd + j), factor, oddShift));
                S.StorePairs(pair.Probabilities + j, even, odd);
                even = S.Multiply(even, S.Multiply(S.Subtract(S.Load(pair.EvenDScores + j), evenDelta), scale));
                odd = S.Multiply(odd, S.Multiply(S.Subtract(S.Load(pair.OddDScores + j), oddDelta), scale));
                S.StorePairs(pair.DScores + j, even, odd);
                S.StoreBFloat16(pair.OddRow + j, odd);
                S.StoreBFloat16(pair.EvenRow + j, even);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CappedGradients(in ScoreRows rows, in ScoreGradients gradients)
    {
        for (int row = 0; row < rows.Rows; row += 2)
        {
            var pair = new RowPair(rows, gradients, row);
            for (int j = 0; j < rows.Keys; j += S.Width)
            {
                V even = Probability(rows, S.Load(pair.Even + j), pair.EvenShift, out V evenSlope);
                V odd = Probability(rows, S.Load(pair.Odd + j), pair.OddShift, out V oddSlope);
                S.StorePairs(pair.Probabilities + j, even, odd);
                even = S.Multiply(S.Multiply(even, S.Subtract(S.Load(pair.EvenDScores + j), S.Broadcast(pair.EvenDelta))), evenSlope);
                odd = S.Multiply(S.Multiply(odd, S.Subtract(S.Load(pair.OddDScores + j), S.Broadcast(pair.OddDelta))), oddSlope);
                S.StorePairs(pair.DScores + j, even, odd);
                S.StoreBFloat16(pair.OddRow + j, odd);
                S.StoreBFloat16(pair.EvenRow + j, even);
            }
        }
    }

    /// <summary>The score of a product of query and key, and its slope.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Capped(in ScoreRows rows, V product, out V slope)
    {
        slope = S.Broadcast(rows.Scale);
        V score = S.Multiply(product, slope);
        if (rows.SoftCap > 0)
        {
            V tanh = VectorFunctions<S, V>.Tanh(S.Multiply(score, S.Broadcast(1 / rows.SoftCap)));
            slope = S.Multiply(slope, S.Subtract(S.Broadcast(1), S.Multiply(tanh, tanh)));
            score = S.Multiply(tanh, S.Broadcast(rows.SoftCap));
        }

        return score;
    }

    /// <summary>The probability of a capped score. Hidden ones are recognised by their product, as the cap brings them near.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Probability(in ScoreRows rows, V product, float shift, out V slope)
    {
        V exponent = S.MultiplyAdd(Capped(rows, product, out slope), S.Broadcast(Log2E), S.Broadcast(shift));
        return S.SelectLess(product, S.Broadcast(0.5f * Hidden), S.Broadcast(0), VectorFunctions<S, V>.Exp2(exponent));
    }

    /// <summary>Where two rows lie. Where the odd one is missing, its probabilities come out as zero, and its gradients go where the even ones overwrite them.</summary>
    private readonly struct RowPair
    {
        public readonly float* Even, Odd, EvenDScores, OddDScores;
        public readonly ushort* EvenRow, OddRow;
        public readonly uint* Probabilities, DScores;
        public readonly float EvenShift, OddShift, EvenDelta, OddDelta;

        public RowPair(in ScoreRows rows, in ScoreGradients gradients, int row)
        {
            int odd = Math.Min(row + 1, rows.Rows - 1);
            Even = rows.Scores + row * rows.ScoresStep;
            Odd = rows.Scores + odd * rows.ScoresStep;
            EvenDScores = gradients.DScores + row * rows.ScoresStep;
            OddDScores = gradients.DScores + odd * rows.ScoresStep;
            EvenRow = gradients.DScoreRows + row * gradients.DScoreRowsStep;
            OddRow = gradients.DScoreRows + odd * gradients.DScoreRowsStep;
            Probabilities = gradients.ProbabilityPairs + row / 2 * rows.Keys;
            DScores = gradients.DScorePairs + row / 2 * rows.Keys;
            EvenShift = -gradients.LogSumExp[row] * Log2E;
            OddShift = odd > row ? -gradients.LogSumExp[odd] * Log2E : Hidden;
            EvenDelta = gradients.Delta[row];
            OddDelta = gradients.Delta[odd];
        }
    }
}
