using System.Runtime.CompilerServices;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Attention in tiles on the <see cref="MicroKernel"/>. Forward: scores are made as (keys, queries), one query a lane, so that softmax
/// needs no sums across lanes and the probabilities are already the right operand of the sum of values; values are read where they lie.
/// Single rows (generating text) go by dot products. Backward: <see cref="AttentionBackwardVector{S, V}"/>.
/// Heads whose size is not a multiple of the micro kernel's rows take the scalar form.
/// </summary>
internal sealed unsafe class AttentionVector<S, V>(MicroKernel kernel, PanelPacker packer, VectorMathKernel math) : AttentionKernel
    where S : ISimd<V>
    where V : struct
{
    /// <summary>Keys of a tile: a multiple of the micro kernel's rows; 64 × 32 scores are 8 KiB.</summary>
    private const int KeyTile = 64;

    /// <summary>Score of a key that is not visible: far below any real one, yet finite, so that a tile without any visible key makes no NaN.</summary>
    public const float Hidden = -1e30f;

    private readonly AttentionScalar _scalar = new();
    private readonly RowProducts<S, V> _rows = new();
    private readonly AttentionBackwardVector<S, V> _backward = new(kernel, packer, math);

    public override int QueryTile => kernel.Columns;

    private int Lanes => kernel.Columns;

    public override long PreparedFloats(in AttentionLayout layout, int keys) => (long)RoundUp(keys, kernel.Rows) * layout.HeadDim;

    public override long ForwardScratch(in AttentionLayout layout, int keys) =>
        Fits(layout) ? (long)Lanes * (3 * layout.HeadDim + KeyTile + 3) : keys;

    public override long BackwardScratch(in AttentionLayout layout, int rows) => Fits(layout) ? _backward.Scratch(layout, rows) : 0;

    public override void Prepare(in AttentionLayout layout, float* key, int keys, float* prepared)
    {
        for (int j = 0; j < keys; j += kernel.Rows)
        {
            packer.Transpose(
                key + (long)j * layout.KeyStep, layout.KeyStep, Math.Min(kernel.Rows, keys - j), layout.HeadDim, prepared + (long)j * layout.HeadDim, kernel.Rows);
        }
    }

    public override void Forward(in AttentionLayout layout, in AttentionHead head, float* prepared, int first, float* scratch)
    {
        int dim = layout.HeadDim, lanes = Lanes, rows = Math.Min(lanes, head.Rows - first);
        if (!Fits(layout))
        {
            for (int row = first; row < first + rows; row++)
            {
                _scalar.Forward(layout, head, prepared, row, scratch);
            }

            return;
        }

        float* query = scratch, output = query + dim * lanes, turned = output + dim * lanes, scores = turned + dim * lanes;
        float* largest = scores + KeyTile * lanes, sums = largest + lanes, shrink = sums + lanes;
        packer.Transpose(head.Query + (long)first * layout.QueryStep, layout.QueryStep, rows, dim, query, lanes);
        math.Scale(query, layout.Scale, (long)dim * lanes);
        new Span<float>(output, dim * lanes).Clear();
        new Span<float>(sums, lanes).Clear();
        new Span<float>(largest, lanes).Fill(float.NegativeInfinity);
        int firstPlace = head.Past + first, lastPlace = firstPlace + rows - 1;
        for (int j = layout.FirstVisible(firstPlace) / KeyTile * KeyTile; j <= lastPlace; j += KeyTile)
        {
            int keys = Math.Min(KeyTile, lastPlace + 1 - j);
            for (int panel = 0; panel < keys; panel += kernel.Rows)
            {
                kernel.Multiply(dim, prepared + (long)(j + panel) * dim, kernel.Rows, query, lanes, scores + panel * lanes, lanes, false);
            }

            if (layout.SoftCap > 0)
            {
                Cap(scores, keys * lanes, layout.SoftCap);
            }

            if (j + keys - 1 > firstPlace || (layout.Window > 0 && j <= lastPlace - layout.Window))
            {
                Hide(layout, scores, j, keys, firstPlace);
            }

            Softmax(scores, keys, largest, sums, shrink);
            Shrink(output, dim, shrink);
            float* values = head.Value + (long)j * layout.KeyStep;
            for (int d = 0; d < dim; d += kernel.Rows)
            {
                kernel.Multiply(keys, values + d, layout.KeyStep, scores, lanes, output + d * lanes, lanes, true);
            }
        }

        Finish(layout, head, first, rows, output, turned, largest, sums);
    }

    public override void Backward(in AttentionLayout layout, in AttentionHead head, in AttentionGradient gradient, float* scratch)
    {
        if (Fits(layout))
        {
            _backward.Run(layout, head, gradient, scratch);
        }
        else
        {
            _scalar.Backward(layout, head, gradient, scratch);
        }
    }

    public override float ForwardRow(in AttentionLayout layout, float* query, float* keys, float* values, int i, float* output, float* scores)
    {
        int first = layout.FirstVisible(i), count = i + 1 - first;
        scores += first;
        _rows.Dots(query, keys + (long)first * layout.KeyStep, layout.KeyStep, count, layout.HeadDim, scores);
        float largest = float.NegativeInfinity;
        for (int j = 0; j < count; j++)
        {
            scores[j] *= layout.Scale;
            scores[j] = layout.SoftCap > 0 ? layout.SoftCap * MathF.Tanh(scores[j] / layout.SoftCap) : scores[j];
            largest = MathF.Max(largest, scores[j]);
        }

        float sum = Exponentials(scores, count, largest);
        _rows.WeightedSum(values + (long)first * layout.KeyStep, layout.KeyStep, scores, count, output, layout.HeadDim);
        math.Scale(output, 1 / sum, layout.HeadDim);
        return largest + MathF.Log(sum);
    }

    private bool Fits(in AttentionLayout layout) => layout.HeadDim % kernel.Rows == 0;

    private static int RoundUp(int count, int unit) => (count + unit - 1) / unit * unit;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Cap(float* scores, int count, float softCap)
    {
        V cap = S.Broadcast(softCap), inverse = S.Broadcast(1 / softCap);
        for (int i = 0; i < count; i += S.Width)
        {
            S.Store(scores + i, S.Multiply(cap, VectorFunctions<S, V>.Tanh(S.Multiply(S.Load(scores + i), inverse))));
        }
    }

    private void Hide(in AttentionLayout layout, float* scores, int firstKey, int keys, int firstPlace)
    {
        for (int j = 0; j < keys; j++)
        {
            // Queries before the key do not see it, nor do those from a window after it.
            var lanes = new Span<float>(scores + j * Lanes, Lanes);
            int key = firstKey + j;
            lanes[..Math.Clamp(key - firstPlace, 0, Lanes)].Fill(Hidden);
            if (layout.Window > 0)
            {
                lanes[Math.Clamp(key + layout.Window - firstPlace, 0, Lanes)..].Fill(Hidden);
            }
        }
    }

    /// <summary>
    /// scores (keys, lanes) become exp(score − largest); largest and sums (lanes) go on from tile to tile, shrink receives the factor
    /// that brings what was summed before to the new largest.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Softmax(float* scores, int keys, float* largest, float* sums, float* shrink)
    {
        int lanes = Lanes;
        for (int lane = 0; lane < lanes; lane += S.Width)
        {
            V before = S.Load(largest + lane), now = before;
            for (int j = 0; j < keys; j++)
            {
                now = S.Max(now, S.Load(scores + j * lanes + lane));
            }

            V factor = VectorFunctions<S, V>.Exp(S.Subtract(before, now));
            V sum = S.Multiply(S.Load(sums + lane), factor);
            for (int j = 0; j < keys; j++)
            {
                float* at = scores + j * lanes + lane;
                V p = VectorFunctions<S, V>.Exp(S.Subtract(S.Load(at), now));
                S.Store(at, p);
                sum = S.Add(sum, p);
            }

            S.Store(largest + lane, now);
            S.Store(sums + lane, sum);
            S.Store(shrink + lane, factor);
        }
    }

    /// <summary>rows (dim, lanes) times factors (lanes).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Shrink(float* rows, int dim, float* factors)
    {
        for (int d = 0; d < dim; d++)
        {
            for (int lane = 0; lane < Lanes; lane += S.Width)
            {
                float* at = rows + d * Lanes + lane;
                S.Store(at, S.Multiply(S.Load(at), S.Load(factors + lane)));
            }
        }
    }

    private void Finish(in AttentionLayout layout, in AttentionHead head, int first, int rows, float* output, float* turned, float* largest, float* sums)
    {
        for (int lane = 0; lane < rows; lane++)
        {
            if (head.LogSumExp is not null)
            {
                head.LogSumExp[(long)(first + lane) * layout.Heads] = largest[lane] + MathF.Log(sums[lane]);
            }

            sums[lane] = 1 / sums[lane];
        }

        int dim = layout.HeadDim;
        Shrink(output, dim, sums);
        packer.Transpose(output, Lanes, dim, rows, turned, dim);
        for (int row = 0; row < rows; row++)
        {
            new ReadOnlySpan<float>(turned + row * dim, dim).CopyTo(new Span<float>(head.Output + (long)(first + row) * layout.QueryStep, dim));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Exponentials(float* scores, int count, float largest)
    {
        V shift = S.Broadcast(largest), sums = S.Broadcast(0);
        int j = 0;
        for (; j <= count - S.Width; j += S.Width)
        {
            V p = VectorFunctions<S, V>.Exp(S.Subtract(S.Load(scores + j), shift));
            S.Store(scores + j, p);
            sums = S.Add(sums, p);
        }

        float sum = S.Sum(sums);
        for (; j < count; j++)
        {
            scores[j] = MathF.Exp(scores[j] - largest);
            sum += scores[j];
        }

        return sum;
    }
}
