using FineTuneTool.Engine.Quantization;

namespace FineTuneTool.Engine.Kernels;

/// <summary>The plain form.</summary>
internal sealed unsafe class ScoreScalar : ScoreKernel
{
    public override void Softmax(in ScoreRows rows, in SoftmaxState state)
    {
        for (int row = 0; row < rows.Rows; row++)
        {
            float* scores = rows.Scores + row * rows.ScoresStep;
            ushort* probabilities = state.Probabilities + row * state.ProbabilitiesStep;
            int first = rows.First(row), end = rows.End(row);
            new Span<ushort>(probabilities, rows.Keys).Clear();
            if (first >= end)
            {
                continue;
            }

            float before = state.Largest[row], largest = before;
            for (int j = first; j < end; j++)
            {
                scores[j] = Score(rows, scores[j], out _);
                largest = MathF.Max(largest, scores[j]);
            }

            float factor = MathF.Exp(before - largest), sum = state.Sums[row] * factor;
            for (int d = 0; d < state.Columns && factor != 1; d++)
            {
                state.Output[row * state.Columns + d] *= factor;
            }

            for (int j = first; j < end; j++)
            {
                float p = MathF.Exp(scores[j] - largest);
                probabilities[j] = BF16Format.Round(p);
                sum += p;
            }

            state.Largest[row] = largest;
            state.Sums[row] = sum;
        }
    }

    public override void Gradients(in ScoreRows rows, in ScoreGradients gradients)
    {
        for (int row = 0; row < (rows.Rows + 1) / 2 * 2; row++)
        {
            int first = rows.First(row), end = rows.End(row);
            for (int j = 0; j < rows.Keys; j++)
            {
                float p = 0, dScore = 0;
                if (row < rows.Rows && j >= first && j < end)
                {
                    long at = row * rows.ScoresStep + j;
                    p = MathF.Exp(Score(rows, rows.Scores[at], out float slope) - gradients.LogSumExp[row]);
                    dScore = p * (gradients.DScores[at] - gradients.Delta[row]) * slope;
                }

                long pair = 2L * (row / 2 * rows.Keys + j) + row % 2;
                ((ushort*)gradients.ProbabilityPairs)[pair] = BF16Format.Round(p);
                ((ushort*)gradients.DScorePairs)[pair] = BF16Format.Round(dScore);
                if (row < rows.Rows)
                {
                    gradients.DScoreRows[row * gradients.DScoreRowsStep + j] = BF16Format.Round(dScore);
                }
            }
        }
    }

    public override float Dot(ushort* a, ushort* b, int count)
    {
        float sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += BF16Format.Widen(a[i]) * BF16Format.Widen(b[i]);
        }

        return sum;
    }

    private static float Score(in ScoreRows rows, float product, out float slope)
    {
        float score = product * rows.Scale;
        slope = rows.Scale;
        if (rows.SoftCap > 0)
        {
            float tanh = MathF.Tanh(score / rows.SoftCap);
            slope *= 1 - tanh * tanh;
            score = rows.SoftCap * tanh;
        }

        return score;
    }
}
