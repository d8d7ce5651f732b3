using System.Numerics;
using System.Runtime.CompilerServices;
using FineTuneTool.Engine.Kernels;

namespace FineTuneTool.Engine.Backends;

/// <summary>Sums[n] += Σ over rows, in order, of Source[row, n].</summary>
internal unsafe struct ColumnSumWork : IWork
{
    public const int ColumnsPerBlock = 64;

    public Activations Source;
    public float* Sums;
    public long Rows;
    public int Columns;

    public readonly void Run(int block, int worker)
    {
        float* tile = stackalloc float[ColumnsPerBlock], sums = stackalloc float[ColumnsPerBlock];
        int first = block * ColumnsPerBlock, count = Math.Min(ColumnsPerBlock, Columns - first);
        for (long row = 0; row < Rows; row++)
        {
            float* source = Source.Read(row * Columns + first, count, tile);
            for (int n = 0; n < count; n++)
            {
                sums[n] += source[n];
            }
        }

        for (int n = 0; n < count; n++)
        {
            Sums[first + n] += sums[n];
        }
    }
}

/// <summary>Target (Columns, Rows) = Source (Rows, Columns) transposed, BF16.</summary>
internal unsafe struct TurnWork : IWork
{
    public const int RowsPerBlock = 64;

    public ushort* Source, Target;
    public long SourceStep;
    public int Rows, Columns;

    public readonly void Run(int block, int worker)
    {
        int first = block * RowsPerBlock, count = Math.Min(RowsPerBlock, Rows - first);
        int row = 0;
        for (; row < count - 3; row += 4)
        {
            ushort* source = Source + (first + row) * SourceStep;
            ushort* target = Target + first + row;
            for (int column = 0; column < Columns; column++, source++, target += Rows)
            {
                ulong four = source[0] | (ulong)source[SourceStep] << 16 | (ulong)source[2 * SourceStep] << 32 | (ulong)source[3 * SourceStep] << 48;
                Unsafe.WriteUnaligned(target, four);
            }
        }

        for (; row < count; row++)
        {
            for (int column = 0; column < Columns; column++)
            {
                Target[(long)column * Rows + first + row] = Source[(first + row) * SourceStep + column];
            }
        }
    }
}

/// <summary>Target (Rows, Columns) += Factor · Source (Columns, Rows) transposed.</summary>
internal unsafe struct TransposedAddWork : IWork
{
    public const int RowsPerBlock = 128;

    public float* Source, Target;
    public float Factor;
    public int Rows, Columns;

    public readonly void Run(int block, int worker)
    {
        for (long row = (long)block * RowsPerBlock; row < Math.Min(Rows, (block + 1L) * RowsPerBlock); row++)
        {
            for (int column = 0; column < Columns; column++)
            {
                Target[row * Columns + column] += Factor * Source[(long)column * Rows + row];
            }
        }
    }
}

/// <summary>Target row += dropout(Source row). Source is overwritten.</summary>
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

/// <summary>Rows to BF16, with a mask where that is active.</summary>
internal unsafe struct NarrowWork : IWork
{
    public RowBlocks Blocks;
    public BFloat16Kernel Conversion;
    public DropoutKernel Dropout;
    public DropoutMask Mask;
    public Activations Source;
    public ushort* Target;

    public readonly void Run(int block, int worker)
    {
        long first = Blocks.First(block), at = first * Blocks.Columns, count = Blocks.Count(block) * Blocks.Columns;
        float* tile = Blocks.Tile(worker, 0);
        float* rows = Source.Read(at, count, tile);
        if (Mask.IsActive)
        {
            if (rows != tile)
            {
                new ReadOnlySpan<float>(rows, (int)count).CopyTo(new Span<float>(tile, (int)count));
            }

            Dropout.Apply(Mask, Mask.Index(first, 0), tile, (int)count);
            rows = tile;
        }

        Conversion.Narrow(rows, Target + at, count);
    }
}

/// <summary>The loss of one row of logits, which become its gradient; BF16 gradients move to the front of their row.</summary>
internal unsafe struct LossWork : IWork
{
    public LossKernel Kernel;

    /// <summary>Null where the gradient stays F32.</summary>
    public BFloat16Kernel? Conversion;
    public float* Logits, Losses;

    /// <summary>Factors of the rows' gradients; null = 1.</summary>
    public float* Weights;
    public int Columns, Step;
    public int* Targets;
    public float SoftCap;
    public bool Gradient;
    public bool* Correct;

    public readonly void Run(int block, int worker)
    {
        float* row = Logits + (long)block * Step;
        Losses[block] = Kernel.Loss(row, Columns, Targets[block], SoftCap, Gradient, out bool correct);
        Correct[block] = correct;
        if (Gradient)
        {
            if (Weights != null)
            {
                Scale(row, Weights[block]);
            }

            Conversion?.Narrow(row, (ushort*)row, Columns);
        }
    }

    private readonly void Scale(float* row, float factor)
    {
        int column = 0;
        for (; column + Vector<float>.Count <= Columns; column += Vector<float>.Count)
        {
            Vector.Store(Vector.Load(row + column) * factor, row + column);
        }

        for (; column < Columns; column++)
        {
            row[column] *= factor;
        }
    }
}
