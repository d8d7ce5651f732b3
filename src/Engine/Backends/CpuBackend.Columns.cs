using System.Numerics;
using FineTuneTool.Engine.Kernels;

namespace FineTuneTool.Engine.Backends;

/// <summary>Factors on columns, and dropout as an operation of its own.</summary>
public sealed unsafe partial class CpuBackend
{
    public override void ScaleColumns(Tensor x, Tensor factors, Tensor? bias, Tensor? addend, Tensor y)
    {
        RequireSame(nameof(ScaleColumns), x, y);
        Require(addend is null || addend.Shape == y.Shape, nameof(ScaleColumns), y.Shape, addend?.Shape ?? default);
        Require(factors.Shape.Count == x.Shape.Columns, nameof(ScaleColumns), x.Shape, factors.Shape);
        Require(bias is null || bias.Shape.Count == x.Shape.Columns, nameof(ScaleColumns), x.Shape, bias?.Shape ?? default);
        RowBlocks blocks = RowsOf(x, tiles: 3, out int count);
        _pool.Run(count, new ScaleColumnsWork
        {
            Blocks = blocks,
            X = Numbers(x),
            Addend = addend is null ? default : Numbers(addend),
            HasAddend = addend is not null,
            Factors = Floats(factors),
            Bias = bias is null ? null : Floats(bias),
            Y = Numbers(y),
        });
        Keep(x, factors, bias, addend, y);
    }

    public override void ScaleColumnsBackward(Tensor dy, Tensor x, Tensor factors, Tensor? dx, bool accumulate, Tensor? dFactors)
    {
        RequireSame(nameof(ScaleColumnsBackward), dy, x);
        Require(factors.Shape.Count == x.Shape.Columns, nameof(ScaleColumnsBackward), x.Shape, factors.Shape);
        if (dFactors is not null)
        {
            Require(dFactors.Shape.Count == x.Shape.Columns, nameof(ScaleColumnsBackward), x.Shape, dFactors.Shape);
            _pool.Run(Blocks(x.Shape.Columns, ColumnProductWork.ColumnsPerBlock), new ColumnProductWork
            {
                A = Numbers(dy),
                B = Numbers(x),
                Sums = Floats(dFactors),
                Rows = x.Shape.Rows,
                Columns = Columns(x),
            });
        }

        if (dx is not null)
        {
            ScaleColumns(dy, factors, null, accumulate ? dx : null, dx);
        }

        Keep(dy, x, factors, dx, dFactors);
    }

    public override void Drop(Tensor x, Dropout dropout, Tensor y)
    {
        RequireSame(nameof(Drop), x, y);
        RowBlocks blocks = RowsOf(x, tiles: 2, out int count);
        _pool.Run(count, new DropWork { Blocks = blocks, Kernel = _kernels.Dropout, Mask = Mask(dropout, Columns(x)), X = Numbers(x), Y = Numbers(y) });
        Keep(x, y);
    }

    private struct ScaleColumnsWork : IWork
    {
        public RowBlocks Blocks;
        public Activations X, Addend, Y;
        public bool HasAddend;
        public float* Factors, Bias;

        public readonly void Run(int block, int worker)
        {
            int columns = Blocks.Columns;
            for (long row = Blocks.First(block); row < Blocks.First(block) + Blocks.Count(block); row++)
            {
                long at = row * columns;
                float* x = X.Read(at, columns, Blocks.Tile(worker, 0)), y = Y.Place(at, Blocks.Tile(worker, 2));
                float* addend = HasAddend ? Addend.Read(at, columns, Blocks.Tile(worker, 1)) : null;
                int column = 0;
                for (; column <= columns - Vector<float>.Count; column += Vector<float>.Count)
                {
                    Vector<float> sum = Vector.Load(x + column) * Vector.Load(Factors + column);
                    sum = Bias is null ? sum : sum + Vector.Load(Bias + column);
                    (addend is null ? sum : sum + Vector.Load(addend + column)).Store(y + column);
                }

                for (; column < columns; column++)
                {
                    y[column] = x[column] * Factors[column] + (Bias is null ? 0 : Bias[column]) + (addend is null ? 0 : addend[column]);
                }

                Y.Write(at, columns, y);
            }
        }
    }

    /// <summary>Sums[c] += Σ over rows of A·B, rows in order, a block of columns at a time.</summary>
    private struct ColumnProductWork : IWork
    {
        public const int ColumnsPerBlock = 64;

        public Activations A, B;
        public float* Sums;
        public long Rows;
        public int Columns;

        public readonly void Run(int block, int worker)
        {
            int first = block * ColumnsPerBlock, count = Math.Min(ColumnsPerBlock, Columns - first);
            float* a = stackalloc float[ColumnsPerBlock], b = stackalloc float[ColumnsPerBlock], sums = stackalloc float[ColumnsPerBlock];
            new Span<float>(sums, count).Clear();
            for (long row = 0; row < Rows; row++)
            {
                float* left = A.Read(row * Columns + first, count, a), right = B.Read(row * Columns + first, count, b);
                for (int column = 0; column < count; column++)
                {
                    sums[column] += left[column] * right[column];
                }
            }

            for (int column = 0; column < count; column++)
            {
                Sums[first + column] += sums[column];
            }
        }
    }

    private struct DropWork : IWork
    {
        public RowBlocks Blocks;
        public DropoutKernel Kernel;
        public DropoutMask Mask;
        public Activations X, Y;

        public readonly void Run(int block, int worker)
        {
            int columns = Blocks.Columns;
            for (long row = Blocks.First(block); row < Blocks.First(block) + Blocks.Count(block); row++)
            {
                long at = row * columns;
                float* x = X.Read(at, columns, Blocks.Tile(worker, 0)), y = Y.Place(at, Blocks.Tile(worker, 1));
                if (x != y)
                {
                    new ReadOnlySpan<float>(x, columns).CopyTo(new Span<float>(y, columns));
                }

                Kernel.Apply(Mask, Mask.Index(row, 0), y, columns);
                Y.Write(at, columns, y);
            }
        }
    }
}
