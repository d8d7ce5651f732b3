namespace FineTuneTool.Engine.Kernels;

/// <summary>The plain form of attention, row by row: what the tiled one must equal. Vaswani et al. 2017.</summary>
internal sealed unsafe class AttentionScalar : AttentionKernel
{
    public override int QueryTile => 1;

    public override long PreparedFloats(in AttentionLayout layout, int keys) => 0;

    public override long ForwardScratch(in AttentionLayout layout, int keys) => keys;

    public override long BackwardScratch(in AttentionLayout layout, int rows) => 0;

    public override void Prepare(in AttentionLayout layout, float* key, int keys, float* prepared)
    {
    }

    public override void Forward(in AttentionLayout layout, in AttentionHead head, float* prepared, int first, float* scratch)
    {
        long at = (long)first * layout.QueryStep;
        float logSumExp = ForwardRow(layout, head.Query + at, head.Key, head.Value, head.Past + first, head.Output + at, scratch);
        if (head.LogSumExp is not null)
        {
            head.LogSumExp[(long)first * layout.Heads] = logSumExp;
        }
    }

    public override void Backward(in AttentionLayout layout, in AttentionHead head, in AttentionGradient gradient, float* scratch)
    {
        for (long row = 0; row < head.Rows; row++)
        {
            new Span<float>(gradient.DKey + row * gradient.DKeyStep, layout.HeadDim).Clear();
            new Span<float>(gradient.DValue + row * gradient.DKeyStep, layout.HeadDim).Clear();
        }

        for (int row = 0; row < head.Rows; row++)
        {
            BackwardRow(layout, head, gradient, row);
        }
    }

    public override float ForwardRow(in AttentionLayout layout, float* query, float* keys, float* values, int i, float* output, float* scores)
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

    /// <summary>Equation 4 of Dao et al. 2022 for one query: its own gradient is overwritten, those of keys and values are added to.</summary>
    private static void BackwardRow(in AttentionLayout layout, in AttentionHead head, in AttentionGradient gradient, int i)
    {
        int dim = layout.HeadDim;
        long row = (long)i * layout.QueryStep;
        float* dOutput = gradient.DOutput + row, query = head.Query + row, dQuery = gradient.DQuery + row;
        float delta = Dot(dOutput, head.Output + row, dim), logSumExp = head.LogSumExp[(long)i * layout.Heads];
        new Span<float>(dQuery, dim).Clear();
        for (int j = layout.FirstVisible(i); j <= i; j++)
        {
            float* key = head.Key + (long)j * layout.KeyStep, value = head.Value + (long)j * layout.KeyStep;
            float* dKey = gradient.DKey + j * gradient.DKeyStep, dValue = gradient.DValue + j * gradient.DKeyStep;
            float p = MathF.Exp(Score(layout, query, key, out float capSlope) - logSumExp);
            float dScore = p * (Dot(dOutput, value, dim) - delta) * capSlope * layout.Scale;
            for (int d = 0; d < dim; d++)
            {
                dValue[d] += p * dOutput[d];
                dKey[d] += dScore * query[d];
                dQuery[d] += dScore * key[d];
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
