using FineTuneTool.Engine.Kernels;

namespace FineTuneTool.Engine.Backends;

/// <summary>Sums[n] += Σ over rows, in order, of Source[row, n].</summary>
internal unsafe struct ColumnSumWork : IWork
{
    public const int ColumnsPerBlock = 64;

    public float* Source, Sums;
    public long Rows;
    public int Columns;

    public readonly void Run(int block, int worker)
    {
        for (int n = block * ColumnsPerBlock; n < Math.Min(Columns, (block + 1) * ColumnsPerBlock); n++)
        {
            float sum = 0;
            for (long row = 0; row < Rows; row++)
            {
                sum += Source[row * Columns + n];
            }

            Sums[n] += sum;
        }
    }
}

/// <summary>Target (Rows, Columns) += Source (Columns, Rows) transposed.</summary>
internal unsafe struct TransposedAddWork : IWork
{
    public const int RowsPerBlock = 128;

    public float* Source, Target;
    public int Rows, Columns;

    public readonly void Run(int block, int worker)
    {
        for (long row = (long)block * RowsPerBlock; row < Math.Min(Rows, (block + 1L) * RowsPerBlock); row++)
        {
            for (int column = 0; column < Columns; column++)
            {
                Target[row * Columns + column] += Source[(long)column * Rows + row];
            }
        }
    }
}

/// <summary>Target row += dropout(Source row).</summary>
internal unsafe struct MaskedAddWork : IWork
{
    public DropoutKernel Dropout;
    public VectorMathKernel VectorMath;
    public DropoutMask Mask;
    public float* Source, Target;
    public int Columns;

    public readonly void Run(int block, int worker)
    {
        long at = (long)block * Columns;
        Dropout.Apply(Mask, Mask.Index(block, 0), Source + at, Columns);
        VectorMath.Add(Target + at, Source + at, 1, Columns);
    }
}

internal unsafe struct LossWork : IWork
{
    public LossKernel Kernel;
    public float* Logits, Losses;
    public int Columns;
    public int* Targets;
    public float SoftCap;
    public bool Gradient;
    public bool* Correct;

    public readonly void Run(int block, int worker)
    {
        Losses[block] = Kernel.Loss(Logits + (long)block * Columns, Columns, Targets[block], SoftCap, Gradient, out bool correct);
        Correct[block] = correct;
    }
}
