namespace FineTuneTool.Engine.Kernels;

/// <summary>The plain form of attention, row by row: what the tiled one must equal. Vaswani et al. 2017.</summary>
internal static unsafe class AttentionScalar
{
    /// <summary>
    /// One query (headDim) at row i of its document over keys and values that begin at the document's first row and are keyStep floats apart.
    /// scores: scratch of i + 1 floats. Returns the log of the softmax's denominator.
    /// </summary>
    public static float ForwardRow(in AttentionLayout layout, float* query, float* keys, float* values, int i, float* output, float* scores)
    {
        int first = layout.FirstVisible(i), dim = layout.HeadDim;
        float largest = float.NegativeInfinity;
        for (int j = first; j <= i; j++)
        {
            scores[j] = Score(layout, query, keys + (long)j * layout.KeyStep, out _);
            largest = MathF.Max(largest, scores[j]);
        }

        float sum = 0;
        new Span<float>(output, dim).Clear();
        for (int j = first; j <= i; j++)
        {
            float p = MathF.Exp(scores[j] - largest);
            sum += p;
            float* value = values + (long)j * layout.KeyStep;
            for (int d = 0; d < dim; d++)
            {
                output[d] += p * value[d];
            }
        }

        for (int d = 0; d < dim; d++)
        {
            output[d] /= sum;
        }

        return largest + MathF.Log(sum);
    }

    /// <summary>
    /// Gradients of one query at row i: dQuery is overwritten, rows of dKeys and dValues are added to. Dao et al. 2022, equation 4.
    /// </summary>
    public static void BackwardRow(
        in AttentionLayout layout, float* dOutput, float* query, float* keys, float* values, float* output, float logSumExp, int i,
        float* dQuery, float* dKeys, float* dValues)
    {
        int dim = layout.HeadDim;
        float delta = Dot(dOutput, output, dim);
        new Span<float>(dQuery, dim).Clear();
        for (int j = layout.FirstVisible(i); j <= i; j++)
        {
            long at = (long)j * layout.KeyStep;
            float p = MathF.Exp(Score(layout, query, keys + at, out float capSlope) - logSumExp);
            float dScore = p * (Dot(dOutput, values + at, dim) - delta) * capSlope * layout.Scale;
            for (int d = 0; d < dim; d++)
            {
                dValues[at + d] += p * dOutput[d];
                dKeys[at + d] += dScore * query[d];
                dQuery[d] += dScore * keys[at + d];
            }
        }
    }

    private static float Score(in AttentionLayout layout, float* query, float* key, out float capSlope)
    {
        float score = Dot(query, key, layout.HeadDim) * layout.Scale;
        capSlope = 1;
        if (layout.SoftCap > 0)
        {
            float tanh = MathF.Tanh(score / layout.SoftCap);
            capSlope = 1 - tanh * tanh;
            score = layout.SoftCap * tanh;
        }

        return score;
    }

    private static float Dot(float* a, float* b, int count)
    {
        float sum = 0;
        for (int d = 0; d < count; d++)
        {
            sum += a[d] * b[d];
        }

        return sum;
    }
}
