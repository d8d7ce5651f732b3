namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// One Adafactor update (Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018) of a matrix whose second moments are
/// kept as means of rows and columns, or of numbers each with its own. Means are taken in double, in a fixed order.
/// </summary>
internal readonly unsafe struct AdafactorKernel(
    float* values, float* gradients, float* rowSquares, float* columnSquares, long rows, long columns, double learningRate, double weightDecay, long step)
{
    private const double DecayRate = 0.8, LeastSquare = 1e-30, ClipThreshold = 1;

    /// <summary>Columns of a block of work.</summary>
    private const int BlockColumns = 1024;

    private readonly float _kept = (float)(1 - Math.Pow(step, -DecayRate)), _added = (float)Math.Pow(step, -DecayRate);

    public void Update(WorkerPool pool, ScratchMemory scratch)
    {
        int columnBlocks = checked((int)((columns + BlockColumns - 1) / BlockColumns)), rowBlocks = checked((int)rows);
        bool factored = columnSquares is not null;
        // A matrix goes row by row, a vector by blocks of columns.
        int blocks = factored ? rowBlocks : columnBlocks;
        var sums = (double*)scratch.Floats(2L * blocks);
        double rowMean = 1;
        if (factored)
        {
            pool.Run(rowBlocks, new RowWork { Kernel = this });
            pool.Run(columnBlocks, new ColumnWork { Kernel = this });
            rowMean = 0;
            for (long row = 0; row < rows; row++)
            {
                rowMean += rowSquares[row];
            }

            rowMean /= rows;
        }

        pool.Run(blocks, new UpdateWork { Kernel = this, Sums = sums, RowMean = rowMean });
        double sum = 0;
        for (int block = 0; block < blocks; block++)
        {
            sum += sums[block];
        }

        double rms = Math.Sqrt(sum / ((double)rows * columns));
        pool.Run(blocks, new UpdateWork { Kernel = this, RowMean = rowMean, Rate = (float)(learningRate / Math.Max(1, rms / ClipThreshold)) });
    }

    /// <summary>Mean squares of one row.</summary>
    private void MoveRow(long row)
    {
        double sum = 0;
        float* g = gradients + row * columns;
        for (long column = 0; column < columns; column++)
        {
            sum += (double)g[column] * g[column] + LeastSquare;
        }

        rowSquares[row] = _kept * rowSquares[row] + _added * (float)(sum / columns);
    }

    /// <summary>Mean squares of neighbouring columns: rows in order, so that memory is read in order.</summary>
    private void MoveColumns(int block)
    {
        long first = (long)block * BlockColumns;
        int count = (int)Math.Min(BlockColumns, columns - first);
        Span<double> sums = stackalloc double[BlockColumns];
        sums.Clear();
        for (long row = 0; row < rows; row++)
        {
            float* g = gradients + row * columns + first;
            for (int i = 0; i < count; i++)
            {
                sums[i] += (double)g[i] * g[i] + LeastSquare;
            }
        }

        for (int i = 0; i < count; i++)
        {
            columnSquares[first + i] = _kept * columnSquares[first + i] + _added * (float)(sums[i] / rows);
        }
    }

    /// <summary>Without a rate: the sum of squares of the update, and the moments of a vector move. With one: the update.</summary>
    private double Go(int block, double rowMean, float? rate)
    {
        bool factored = columnSquares is not null;
        long first = factored ? block * columns : (long)block * BlockColumns;
        int count = (int)(factored ? columns : Math.Min(BlockColumns, columns - first));
        float rowFactor = factored ? 1 / MathF.Sqrt((float)(rowSquares[block] / rowMean)) : 1, decay = (float)(learningRate * weightDecay);
        double sum = 0;
        for (int i = 0; i < count; i++)
        {
            float g = gradients[first + i];
            if (!factored && rate is null)
            {
                rowSquares[first + i] = _kept * rowSquares[first + i] + _added * (float)((double)g * g + LeastSquare);
            }

            float square = factored ? columnSquares[i] : rowSquares[first + i], update = rowFactor * (1 / MathF.Sqrt(square)) * g;
            if (rate is { } size)
            {
                float p = values[first + i];
                values[first + i] = p - decay * p - size * update;
            }
            else
            {
                sum += (double)update * update;
            }
        }

        return sum;
    }

    private struct RowWork : IWork
    {
        public AdafactorKernel Kernel;

        public readonly void Run(int block, int worker) => Kernel.MoveRow(block);
    }

    private struct ColumnWork : IWork
    {
        public AdafactorKernel Kernel;

        public readonly void Run(int block, int worker) => Kernel.MoveColumns(block);
    }

    private struct UpdateWork : IWork
    {
        public AdafactorKernel Kernel;
        public double* Sums;
        public double RowMean;
        public float? Rate;

        public readonly void Run(int block, int worker)
        {
            double sum = Kernel.Go(block, RowMean, Rate);
            if (Rate is null)
            {
                Sums[block] = sum;
            }
        }
    }
}
