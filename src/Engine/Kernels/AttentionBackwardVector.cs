using System.Runtime.CompilerServices;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// The backward pass of one head in tiles of (queries, keys), one key a lane: probabilities are made again from the log-sum-exp, and
/// with their gradients are at once the right operands of dValueᵀ += dOutputᵀ·P and dKeyᵀ += queryᵀ·dS, whose left operands are read
/// where they lie; only dS is transposed, for dQueryᵀ += keyᵀ·dSᵀ. Dao et al. 2022, algorithm 4.
/// </summary>
internal sealed unsafe class AttentionBackwardVector<S, V>(MicroKernel kernel, PanelPacker packer, VectorMathKernel math)
    where S : ISimd<V>
    where V : struct
{
    /// <summary>Queries of a tile: a multiple of the micro kernel's rows and columns.</summary>
    private const int QueryRows = 64;

    private int Lanes => kernel.Columns;

    public long Scratch(in AttentionLayout layout, int rows)
    {
        long padded = (rows + QueryRows - 1) / QueryRows * QueryRows;
        return padded * (3 * layout.HeadDim + 1) + (long)Lanes * (5 * layout.HeadDim + 2 * QueryRows + Lanes);
    }

    public void Run(in AttentionLayout layout, in AttentionHead head, in AttentionGradient gradient, float* scratch)
    {
        int dim = layout.HeadDim, lanes = Lanes, rows = head.Rows, padded = (rows + QueryRows - 1) / QueryRows * QueryRows;
        var tiles = new Tiles
        {
            Query = scratch,
            DOutput = scratch + (long)padded * dim,
            DQuery = scratch + 2L * padded * dim,
            Delta = scratch + 3L * padded * dim,
        };
        tiles.Key = tiles.Delta + padded;
        tiles.Value = tiles.Key + dim * lanes;
        tiles.DKey = tiles.Value + dim * lanes;
        tiles.DValue = tiles.DKey + dim * lanes;
        tiles.Turned = tiles.DValue + dim * lanes;
        tiles.Scores = tiles.Turned + dim * lanes;
        tiles.DScores = tiles.Scores + QueryRows * lanes;
        tiles.DScoresTurned = tiles.DScores + QueryRows * lanes;
        PackQueries(layout, head, gradient, tiles);
        for (int key = 0; key < rows; key += lanes)
        {
            KeyTile(layout, head, gradient, tiles, key, Math.Min(lanes, rows - key));
        }

        for (int row = 0; row < rows; row += lanes)
        {
            WriteRows(tiles.DQuery + (long)row * dim, dim, Math.Min(lanes, rows - row), tiles.Turned, gradient.DQuery + (long)row * layout.QueryStep, layout.QueryStep);
        }
    }

    private void PackQueries(in AttentionLayout layout, in AttentionHead head, in AttentionGradient gradient, in Tiles tiles)
    {
        int dim = layout.HeadDim, step = layout.QueryStep;
        for (int row = 0; row < head.Rows; row += kernel.Rows)
        {
            int count = Math.Min(kernel.Rows, head.Rows - row);
            packer.Transpose(head.Query + (long)row * step, step, count, dim, tiles.Query + (long)row * dim, kernel.Rows);
            packer.Transpose(gradient.DOutput + (long)row * step, step, count, dim, tiles.DOutput + (long)row * dim, kernel.Rows);
        }

        for (int row = 0; row < head.Rows; row++)
        {
            tiles.Delta[row] = math.Dot(gradient.DOutput + (long)row * step, head.Output + (long)row * step, dim);
        }

        int panels = (head.Rows + Lanes - 1) / Lanes;
        new Span<float>(tiles.DQuery, panels * Lanes * dim).Clear();
    }

    private void KeyTile(in AttentionLayout layout, in AttentionHead head, in AttentionGradient gradient, in Tiles tiles, int key, int keys)
    {
        int dim = layout.HeadDim, lanes = Lanes, height = kernel.Rows;
        packer.Transpose(head.Key + (long)key * layout.KeyStep, layout.KeyStep, keys, dim, tiles.Key, lanes);
        packer.Transpose(head.Value + (long)key * layout.KeyStep, layout.KeyStep, keys, dim, tiles.Value, lanes);
        math.Scale(tiles.Key, layout.Scale, (long)dim * lanes);
        new Span<float>(tiles.DKey, dim * lanes).Clear();
        new Span<float>(tiles.DValue, dim * lanes).Clear();
        int end = layout.Window > 0 ? Math.Min(head.Rows, key + keys - 1 + layout.Window) : head.Rows;
        for (int row = key / QueryRows * QueryRows; row < end; row += QueryRows)
        {
            int rows = Math.Min(QueryRows, head.Rows - row);
            for (int panel = 0; panel < rows; panel += height)
            {
                kernel.Multiply(dim, tiles.Query + (long)(row + panel) * dim, height, tiles.Key, lanes, tiles.Scores + panel * lanes, lanes, false);
                kernel.Multiply(dim, tiles.DOutput + (long)(row + panel) * dim, height, tiles.Value, lanes, tiles.DScores + panel * lanes, lanes, false);
            }

            if (row < key + keys - 1 || (layout.Window > 0 && key <= row + rows - 1 - layout.Window))
            {
                Hide(layout, tiles.Scores, row, rows, key);
            }

            ScoreGradients(layout, head, tiles, row, rows);
            for (int d = 0; d < dim; d += height)
            {
                long at = (long)row * layout.QueryStep + d;
                kernel.Multiply(rows, gradient.DOutput + at, layout.QueryStep, tiles.Scores, lanes, tiles.DValue + d * lanes, lanes, true);
                kernel.Multiply(rows, head.Query + at, layout.QueryStep, tiles.DScores, lanes, tiles.DKey + d * lanes, lanes, true);
            }

            for (int part = 0; part < rows; part += lanes)
            {
                packer.Transpose(tiles.DScores + part * lanes, lanes, Math.Min(lanes, rows - part), keys, tiles.DScoresTurned, lanes);
                for (int d = 0; d < dim; d += height)
                {
                    float* dQuery = tiles.DQuery + (long)(row + part) * dim + d * lanes;
                    kernel.Multiply(keys, head.Key + (long)key * layout.KeyStep + d, layout.KeyStep, tiles.DScoresTurned, lanes, dQuery, lanes, true);
                }
            }
        }

        WriteRows(tiles.DKey, dim, keys, tiles.Turned, gradient.DKey + key * gradient.DKeyStep, gradient.DKeyStep);
        WriteRows(tiles.DValue, dim, keys, tiles.Turned, gradient.DValue + key * gradient.DKeyStep, gradient.DKeyStep);
    }

    private void Hide(in AttentionLayout layout, float* scores, int firstRow, int rows, int firstKey)
    {
        for (int row = 0; row < rows; row++)
        {
            var lanes = new Span<float>(scores + row * Lanes, Lanes);
            int place = firstRow + row;
            lanes[Math.Clamp(place + 1 - firstKey, 0, Lanes)..].Fill(AttentionVector<S, V>.Hidden);
            lanes[..Math.Clamp(layout.FirstVisible(place) - firstKey, 0, Lanes)].Fill(AttentionVector<S, V>.Hidden);
        }
    }

    /// <summary>Scores become probabilities P; dScores become P·(dP − delta)·slope of the cap·scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreGradients(in AttentionLayout layout, in AttentionHead head, in Tiles tiles, int firstRow, int rows)
    {
        int lanes = Lanes;
        V scale = S.Broadcast(layout.Scale), one = S.Broadcast(1);
        V cap = S.Broadcast(layout.SoftCap), inverseCap = S.Broadcast(1 / layout.SoftCap), hidden = S.Broadcast(0.5f * AttentionVector<S, V>.Hidden);
        for (int row = 0; row < rows; row++)
        {
            V logSumExp = S.Broadcast(head.LogSumExp[(long)(firstRow + row) * layout.Heads]), delta = S.Broadcast(tiles.Delta[firstRow + row]);
            for (int lane = 0; lane < lanes; lane += S.Width)
            {
                float* score = tiles.Scores + row * lanes + lane, dScore = tiles.DScores + row * lanes + lane;
                V z = S.Load(score), slope = scale;
                if (layout.SoftCap > 0)
                {
                    V tanh = VectorFunctions<S, V>.Tanh(S.Multiply(z, inverseCap));
                    slope = S.Multiply(scale, S.Subtract(one, S.Multiply(tanh, tanh)));
                    z = S.SelectLess(z, hidden, z, S.Multiply(cap, tanh));
                }

                V p = VectorFunctions<S, V>.Exp(S.Subtract(z, logSumExp));
                S.Store(score, p);
                S.Store(dScore, S.Multiply(S.Multiply(p, S.Subtract(S.Load(dScore), delta)), slope));
            }
        }
    }

    /// <summary>Columns of source (dim, lanes) become rows of target.</summary>
    private void WriteRows(float* source, int dim, int rows, float* turned, float* target, long targetStep)
    {
        packer.Transpose(source, Lanes, dim, rows, turned, dim);
        for (int row = 0; row < rows; row++)
        {
            new ReadOnlySpan<float>(turned + row * dim, dim).CopyTo(new Span<float>(target + row * targetStep, dim));
        }
    }

    /// <summary>Where the packed operands and accumulators of one head lie in the scratch memory.</summary>
    private struct Tiles
    {
        /// <summary>Left panels of all rows.</summary>
        public float* Query, DOutput;

        /// <summary>(panel, dim, lanes) of all rows.</summary>
        public float* DQuery;

        /// <summary>Per row: dOutput · output.</summary>
        public float* Delta;

        /// <summary>(dim, lanes) of one tile of keys.</summary>
        public float* Key, Value, DKey, DValue, Turned;

        /// <summary>(QueryRows, lanes).</summary>
        public float* Scores, DScores;

        /// <summary>(lanes of keys, lanes of queries).</summary>
        public float* DScoresTurned;
    }
}
