namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Sums of matrix products in single precision, with the blocking of Goto and van de Geijn 2008: left operands are packed once by all
/// threads; each thread then takes tiles of columns, decodes and packs the right operand block by block, and runs every row over it,
/// so that a stored weight is decoded once for all rows. The depth is cut by itself alone, sums run in ascending depth.
/// </summary>
internal sealed unsafe class MatrixProduct(MicroKernel kernel, PanelPacker packer, DotProducts dots, WorkerPool pool) : IDisposable
{
    /// <summary>Depth of a packed block at most: a right panel then stays in the first-level cache.</summary>
    private const int MaxDepthBlock = 256;

    /// <summary>Right panels that are decoded together, so that a row is decoded in long runs; 8 · 32 KiB stay in the second-level cache.</summary>
    private const int MaxPanelsPerTile = 8;

    /// <summary>Left panels up to which packing an F32 right operand costs more than it saves.</summary>
    private const int MaxPanelsOverDirect = 4;

    /// <summary>Left rows that all panels of a tile pass over before the next rows: 384 · 256 floats stay in the second-level cache, too.</summary>
    private const int RowsPerPass = 384;

    /// <summary>Largest packed left operand; a deeper product is made in slices of its depth, so that the packed rows stay in some cache.</summary>
    private const long MaxLeftFloats = 4 << 20;

    private readonly ScratchMemory _left = new();
    private readonly ScratchMemory _secondLeft = new();
    private PackedOperand _packed;
    private readonly ScratchMemory _right = new();

    /// <summary>c (rows, columns; step floats apart) = or += Σ of the terms, then + bias (columns) where it is not null. At most two terms.</summary>
    public void Multiply(float* c, long step, int rows, int columns, bool accumulate, float* bias, ReadOnlySpan<ProductTerm> terms)
    {
        if (rows == 0 || columns == 0)
        {
            return;
        }

        if (DotProducts.Fits(rows, terms))
        {
            _packed = default;
            dots.Multiply(rows, [new RowProduct(c, step, columns, accumulate, bias, terms)]);
            return;
        }

        if (terms.Length == 1 && terms[0].Depth > 2 * MaxDepthBlock && (long)rows * terms[0].Depth > MaxLeftFloats)
        {
            MultiplySlices(c, step, rows, columns, accumulate, bias, terms[0]);
            return;
        }

        int leftPanels = (rows + kernel.Rows - 1) / kernel.Rows, rightPanels = (columns + kernel.Columns - 1) / kernel.Columns;
        int panelsPerTile = PanelsPerTile(rightPanels), columnTiles = (rightPanels + panelsPerTile - 1) / panelsPerTile, rowTiles = 1;
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
            int blockFloats = MaxDepthBlock * Math.Max(kernel.Columns, kernel.Rows);
            shape.WorkerFloats = (long)MaxDepthBlock * shape.TileColumns + blockFloats + shape.TileColumns;
            var packed = new PackedOperand(terms[0], rows);
            shape.FirstIsPacked = terms[0].LeftUnchanged && packed.Equals(_packed);
            _packed = packed;
            shape.Left = _left.Floats((long)leftPanels * kernel.Rows * terms[0].Depth);
            shape.SecondLeft = terms.Length > 1 ? _secondLeft.Floats((long)leftPanels * kernel.Rows * terms[1].Depth) : null;
            shape.Right = _right.Floats(shape.WorkerFloats * pool.Threads);
            pool.Run(leftPanels, new PackLeftWork { Shape = &shape, Kernel = kernel, Packer = packer });
            pool.Run(columnTiles * rowTiles, new TileWork { Shape = &shape, Kernel = kernel, Packer = packer });
        }
    }

    /// <summary>What was packed last counts no more: rows have been written behind this object's back.</summary>
    public void Forget() => _packed = default;

    public void Dispose()
    {
        _left.Dispose();
        _secondLeft.Dispose();
        _right.Dispose();
    }

    private void MultiplySlices(float* c, long step, int rows, int columns, bool accumulate, float* bias, ProductTerm term)
    {
        int slice = (int)Math.Max(MaxLeftFloats / rows / MaxDepthBlock, 1) * MaxDepthBlock, start = term.Start, end = start + term.Depth;
        for (term.Start = start; term.Start < end; term.Start += slice)
        {
            term.Depth = Math.Min(slice, end - term.Start);
            Multiply(c, step, rows, columns, accumulate || term.Start > start, term.Start + slice >= end ? bias : null, [term]);
        }
    }

    /// <summary>The size of tiles with which the threads finish together soonest, two tiles a thread at least.</summary>
    private int PanelsPerTile(int panels)
    {
        int best = 1, bestRounds = int.MaxValue;
        for (int size = MaxPanelsPerTile; size >= 1; size--)
        {
            int tiles = (panels + size - 1) / size, rounds = (tiles + pool.Threads - 1) / pool.Threads * size;
            if (tiles >= Math.Min(2 * pool.Threads, panels) && rounds < bestRounds)
            {
                (best, bestRounds) = (size, rounds);
            }
        }

        return best;
    }

    /// <summary>Depth of the blocks that a depth is cut into: equal ones, multiples of 32 so that they fall on stored blocks.</summary>
    private static int DepthBlock(int depth)
    {
        int blocks = (depth + MaxDepthBlock - 1) / MaxDepthBlock;
        return Math.Min(MaxDepthBlock, ((depth + blocks - 1) / Math.Max(blocks, 1) + 31) / 32 * 32);
    }

    /// <summary>What the packed memory of the first term holds; only operands without mask are told apart, so a masked one equals nothing.</summary>
    private readonly unsafe struct PackedOperand(in ProductTerm term, int rows)
    {
        private readonly (nint, long, bool, float, int, int, int, bool) _identity =
            ((nint)term.Left, term.LeftStride, term.LeftTransposed, term.Scale, term.Start, term.Depth, rows, term.LeftMask.IsActive);

        public bool Equals(in PackedOperand other) => _identity.Equals(other._identity) && !_identity.Item8;
    }

    private struct Shape
    {
        public float* C;
        public long Step;
        public int Rows, Columns;
        public bool Accumulate, FirstIsPacked;
        public float* Bias;
        public ProductTerm* Terms;
        public int TermCount;
        public int LeftPanels, TilePanels, TileColumns, ColumnTiles;
        public float* Left, SecondLeft, Right;
        public long WorkerFloats;
    }

    /// <summary>One left panel of every term; packed as [depth block][panel][k][row].</summary>
    private struct PackLeftWork : IWork
    {
        public Shape* Shape;
        public MicroKernel Kernel;
        public PanelPacker Packer;

        public readonly void Run(int block, int worker)
        {
            int height = Kernel.Rows, first = block * height, count = Math.Min(height, Shape->Rows - first);
            float* scratch = Shape->Right + worker * Shape->WorkerFloats;
            for (int i = 0; i < Shape->TermCount; i++)
            {
                ref readonly ProductTerm term = ref Shape->Terms[i];
                int depthBlock = DepthBlock(term.Depth);
                float* target = i == 0 ? Shape->Left : Shape->SecondLeft;
                for (int k0 = 0; k0 < term.Depth && !(i == 0 && Shape->FirstIsPacked); k0 += depthBlock)
                {
                    int depth = Math.Min(depthBlock, term.Depth - k0);
                    Packer.PackLeft(term, first, count, term.Start + k0, depth, target + (long)block * depth * height, height, scratch);
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
            bool accumulate = Shape->Accumulate;
            for (int i = 0; i < Shape->TermCount && firstPanel < endPanel; i++)
            {
                ref readonly ProductTerm term = ref Shape->Terms[i];
                int depthBlock = DepthBlock(term.Depth);
                float* left = i == 0 ? Shape->Left : Shape->SecondLeft;
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
            // A right operand that few rows pass over is read where it lies; only a panel that the row's end cuts short is packed.
            bool direct = endPanel - firstPanel <= MaxPanelsOverDirect && term.Right.IsFloat && !term.RightTransposed && !term.RightMask.IsActive;
            int first = direct ? columns / width * width : 0;
            Packer.PackRight(term, column + first, columns - first, term.Start + k0, depth, right, width, scratch);
            float* unpacked = direct ? term.Right.FloatRow(term.Start + k0) + column : null;
            int panelsPerPass = RowsPerPass / height;
            for (int pass = firstPanel; pass < endPanel; pass += panelsPerPass)
            {
                for (int n = 0; n < columns; n += width)
                {
                    float* b = n < first ? unpacked + n : right + (long)(n - first) * depth;
                    nint bStep = n < first ? (nint)term.Right.Columns : width;
                    for (int panel = pass; panel < Math.Min(pass + panelsPerPass, endPanel); panel++)
                    {
                        float* c = Shape->C + (long)panel * height * Shape->Step + column + n;
                        Kernel.MultiplyPart(
                            depth, left + (long)panel * depth * height, height, b, bStep, c, (nint)Shape->Step, accumulate,
                            Shape->Rows - panel * height, columns - n);
                    }
                }
            }
        }
    }
}
