namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Sums of matrix products in single precision, with the blocking of Goto and van de Geijn 2008: left operands are packed once by all
/// threads; each thread then takes tiles of columns, decodes and packs the right operand block by block, and runs every row over it,
/// so that a stored weight is decoded once for all rows. The depth is cut by itself alone, sums run in ascending depth.
/// </summary>
internal sealed unsafe class MatrixProduct(MicroKernel kernel, PanelPacker packer, VectorMathKernel math, WorkerPool pool) : IDisposable
{
    /// <summary>Depth of a packed block at most: a right panel then stays in the first-level cache.</summary>
    private const int MaxDepthBlock = 256;

    /// <summary>Right panels that are decoded together, so that a row is decoded in long runs.</summary>
    private const int MaxPanelsPerTile = 4;

    private readonly DotProducts _dots = new(math, pool);
    private readonly ScratchMemory _left = new();
    private readonly ScratchMemory _right = new();

    /// <summary>c (rows, columns; step floats apart) = or += Σ of the terms, then + bias (columns) where it is not null.</summary>
    public void Multiply(float* c, long step, int rows, int columns, bool accumulate, float* bias, ReadOnlySpan<ProductTerm> terms)
    {
        if (rows == 0 || columns == 0)
        {
            return;
        }

        if (DotProducts.Fits(rows, terms))
        {
            _dots.Multiply(c, step, rows, columns, accumulate, bias, terms);
            return;
        }

        int leftPanels = (rows + kernel.Rows - 1) / kernel.Rows, rightPanels = (columns + kernel.Columns - 1) / kernel.Columns;
        int panelsPerTile = Math.Clamp(rightPanels / (pool.Threads * 4), 1, MaxPanelsPerTile);
        int columnTiles = (rightPanels + panelsPerTile - 1) / panelsPerTile, rowTiles = 1;
        while (columnTiles * rowTiles < pool.Threads * 3 && leftPanels / rowTiles > 8)
        {
            rowTiles *= 2;
        }

        fixed (ProductTerm* first = terms)
        {
            var shape = new Shape
            {
                C = c,
                Step = step,
                Rows = rows,
                Columns = columns,
                Accumulate = accumulate,
                Bias = bias,
                Terms = first,
                TermCount = terms.Length,
                LeftPanels = leftPanels,
                TileColumns = panelsPerTile * kernel.Columns,
                ColumnTiles = columnTiles,
                TilePanels = (leftPanels + rowTiles - 1) / rowTiles,
            };
            long leftFloats = 0;
            foreach (ProductTerm term in terms)
            {
                leftFloats += (long)leftPanels * kernel.Rows * term.Depth;
            }

            int blockFloats = MaxDepthBlock * Math.Max(kernel.Columns, kernel.Rows);
            shape.WorkerFloats = (long)MaxDepthBlock * shape.TileColumns + blockFloats + shape.TileColumns;
            shape.Left = _left.Floats(leftFloats);
            shape.Right = _right.Floats(shape.WorkerFloats * pool.Threads);
            pool.Run(leftPanels, new PackLeftWork { Shape = &shape, Kernel = kernel, Packer = packer });
            pool.Run(columnTiles * rowTiles, new TileWork { Shape = &shape, Kernel = kernel, Packer = packer });
        }
    }

    public void Dispose()
    {
        _dots.Dispose();
        _left.Dispose();
        _right.Dispose();
    }

    /// <summary>Depth of the blocks that a depth is cut into: equal ones, multiples of 32 so that they fall on stored blocks.</summary>
    private static int DepthBlock(int depth)
    {
        int blocks = (depth + MaxDepthBlock - 1) / MaxDepthBlock;
        return Math.Min(MaxDepthBlock, ((depth + blocks - 1) / Math.Max(blocks, 1) + 31) / 32 * 32);
    }

    private struct Shape
    {
        public float* C;
        public long Step;
        public int Rows, Columns;
        public bool Accumulate;
        public float* Bias;
        public ProductTerm* Terms;
        public int TermCount;
        public int LeftPanels, TilePanels, TileColumns, ColumnTiles;
        public float* Left, Right;
        public long WorkerFloats;
    }

    /// <summary>One left panel of every term; packed as [term][depth block][panel][k][row].</summary>
    private struct PackLeftWork : IWork
    {
        public Shape* Shape;
        public MicroKernel Kernel;
        public PanelPacker Packer;

        public readonly void Run(int block, int worker)
        {
            int height = Kernel.Rows, first = block * height, count = Math.Min(height, Shape->Rows - first);
            float* target = Shape->Left;
            float* scratch = Shape->Right + worker * Shape->WorkerFloats;
            for (int i = 0; i < Shape->TermCount; i++)
            {
                ref readonly ProductTerm term = ref Shape->Terms[i];
                int depthBlock = DepthBlock(term.Depth);
                for (int k0 = 0; k0 < term.Depth; k0 += depthBlock)
                {
                    int depth = Math.Min(depthBlock, term.Depth - k0);
                    Packer.PackLeft(term, first, count, k0, depth, target + (long)block * depth * height, height, scratch);
                    target += (long)Shape->LeftPanels * depth * height;
                }
            }
        }
    }

    private struct TileWork : IWork
    {
        public Shape* Shape;
        public MicroKernel Kernel;
        public PanelPacker Packer;

        public readonly void Run(int block, int worker)
        {
            int column = block % Shape->ColumnTiles * Shape->TileColumns, columns = Math.Min(Shape->TileColumns, Shape->Columns - column);
            int firstPanel = block / Shape->ColumnTiles * Shape->TilePanels, endPanel = Math.Min(firstPanel + Shape->TilePanels, Shape->LeftPanels);
            float* left = Shape->Left;
            bool accumulate = Shape->Accumulate;
            for (int i = 0; i < Shape->TermCount && firstPanel < endPanel; i++)
            {
                ref readonly ProductTerm term = ref Shape->Terms[i];
                int depthBlock = DepthBlock(term.Depth);
                for (int k0 = 0; k0 < term.Depth; k0 += depthBlock)
                {
                    int depth = Math.Min(depthBlock, term.Depth - k0);
                    MultiplyBlock(term, column, columns, k0, depth, left, firstPanel, endPanel, worker, accumulate);
                    left += (long)Shape->LeftPanels * depth * Kernel.Rows;
                    accumulate = true;
                }
            }

            for (int row = firstPanel * Kernel.Rows; Shape->Bias is not null && row < Math.Min(endPanel * Kernel.Rows, Shape->Rows); row++)
            {
                for (int n = column; n < column + columns; n++)
                {
                    Shape->C[row * Shape->Step + n] += Shape->Bias[n];
                }
            }
        }

        private readonly void MultiplyBlock(
            in ProductTerm term, int column, int columns, int k0, int depth, float* left, int firstPanel, int endPanel, int worker, bool accumulate)
        {
            int height = Kernel.Rows, width = Kernel.Columns;
            float* right = Shape->Right + worker * Shape->WorkerFloats;
            float* scratch = right + (long)MaxDepthBlock * Shape->TileColumns;
            Packer.PackRight(term, column, columns, k0, depth, right, width, scratch);
            for (int n = 0; n < columns; n += width, right += (long)depth * width)
            {
                for (int panel = firstPanel; panel < endPanel; panel++)
                {
                    float* c = Shape->C + (long)panel * height * Shape->Step + column + n;
                    Kernel.MultiplyPart(
                        depth, left + (long)panel * depth * height, height, right, width, c, (nint)Shape->Step, accumulate,
                        Shape->Rows - panel * height, columns - n);
                }
            }
        }
    }
}
