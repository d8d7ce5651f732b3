using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Sums of products of BF16 numbers in F32. The right operand is brought into panels, and the rows, which are read where they lie, stream past panel by panel.
/// A right operand that fits a third-level cache is brought into order by all threads first, by whole stored rows; of a larger one each thread takes tiles of
/// columns. Sums run in ascending depth whatever the tiles are.
/// </summary>
internal sealed unsafe class PairProduct(PairKernel kernel, PairPacker packer, BFloat16Kernel conversion, DropoutKernel dropout, VectorMathKernel math, WorkerPool pool) : IDisposable
{
    /// <summary>Depths of a panel at most: 64 columns of it take a quarter of a second-level cache of 1 MiB.</summary>
    private const int MaxDepth = 2048;

    /// <summary>Elements of the panels of a tile at most, where that leaves <see cref="MaxDepth"/> / 2.</summary>
    private const int MaxTileElements = 320 << 10;

    /// <summary>Rows whose sums are finished together: 64 columns of them stay in the first-level cache.</summary>
    public const int RowsAtOnce = 96;

    /// <summary>Pairs of a right operand that all threads bring into order before they multiply: 4 MiB.</summary>
    private const long MaxSharedPairs = 1 << 20;

    /// <summary>Rows of a tile at most, which bounds the sums that are carried over blocks of depth.</summary>
    private const int MaxTileRows = 2048;

    /// <summary>Bringing panels into order takes about as long as multiplying so many rows with them.</summary>
    private const double PackingRows = 48;

    private readonly ScratchMemory _scratch = new();
    private readonly ScratchMemory _shared = new();
    private readonly ScratchMemory _firstLeft = new();
    private readonly ScratchMemory _secondLeft = new();

    /// <summary>target (rows, columns) = Σ of one or two terms; the depth of the second is at most <see cref="MaxDepth"/>, 0 = there is none.</summary>
    public void Multiply(in PairTarget target, int rows, int columns, PairTerm first, PairTerm second = default)
    {
        if (rows == 0 || columns == 0)
        {
            return;
        }

        if (RightRowsWork.Fits(kernel, target, rows, columns, first) && second.Depth == 0)
        {
            pool.Run(columns / kernel.RowColumns, new RightRowsWork { Kernel = kernel, Conversion = conversion, Target = target, Term = first, Rows = rows });
            return;
        }

        PadOddDepth(ref first, rows, _firstLeft);
        PadOddDepth(ref second, rows, _secondLeft);
        bool shared = first.Depth <= MaxDepth && (long)(columns + PairKernel.MaxWidth) * ((first.Depth + 1) / 2 + (second.Depth + 1) / 2) <= MaxSharedPairs;
        (int width, int rowTiles) = Cut(rows, columns, first, shared);
        int panelsPerTile = shared ? 1 : PanelsPerTile(first, width), panels = (columns + width - 1) / width;
        var work = new PairTileWork
        {
            Kernel = kernel,
            Packer = packer,
            Conversion = conversion,
            Dropout = dropout,
            VectorMath = math,
            Target = target,
            First = first,
            Second = second,
            Rows = rows,
            Columns = columns,
            Width = width,
            PanelsPerTile = panelsPerTile,
            ColumnTiles = (panels + panelsPerTile - 1) / panelsPerTile,
            TileRows = (rows + rowTiles - 1) / rowTiles,
            MaxDepth = panelsPerTile * width * Math.Min(first.Depth, MaxDepth) > MaxTileElements ? MaxDepth / 2 : MaxDepth,
        };
        work.PanelPairs = (Math.Min(work.MaxDepth, first.Depth) + 1) / 2 + (second.Depth + 1) / 2;
        long sums = work.CarriesSums ? (long)work.TileRows * panelsPerTile * width : (long)RowsAtOnce * width;
        work.SumsAt = work.PanelPairs * panelsPerTile * width;
        work.MaskedAt = work.SumsAt + sums;
        work.ScratchAt = work.MaskedAt + (second.ProductMask.IsActive ? (long)RowsAtOnce * width : 0);
        work.WorkerFloats = (work.ScratchAt + PairPacker.ScratchFloats(shared ? columns : panelsPerTile * width) + 31) / 32 * 32;
        work.Memory = _scratch.Floats(work.WorkerFloats * pool.Threads);
        if (shared)
        {
            work.Panels = (uint*)_shared.Floats(work.PanelPairs * panels * width);
            pool.Run(PairPackWork.BlocksOf(first, panels) + PairPackWork.BlocksOf(second, panels), new PairPackWork { Tiles = work, PanelCount = panels });
        }

        pool.Run(work.ColumnTiles * ((rows + work.TileRows - 1) / work.TileRows), work);
    }

    public void Dispose()
    {
        _scratch.Dispose();
        _shared.Dispose();
        _firstLeft.Dispose();
        _secondLeft.Dispose();
    }

    /// <summary>Stored blocks should fall into one tile, so that none is decoded twice.</summary>
    private static int PanelsPerTile(in PairTerm term, int width)
    {
        int block = term.RightTransposed ? 1 : term.Right.Type.BlockElements(), panels = 1;
        while (panels * width % block != 0 && panels < 4)
        {
            panels *= 2;
        }

        return panels;
    }

    /// <summary>The width of panels and the number of row tiles with which the threads finish soonest.</summary>
    private (int Width, int RowTiles) Cut(int rows, int columns, in PairTerm first, bool shared)
    {
        int narrow = (columns + PairKernel.Lane - 1) / PairKernel.Lane * PairKernel.Lane, fewest = (rows + MaxTileRows - 1) / MaxTileRows;
        (int Width, int RowTiles) best = default;
        double least = double.MaxValue;
        for (int width = Math.Min(narrow, PairKernel.MaxWidth); width >= Math.Min(narrow, PairKernel.MaxWidth - PairKernel.Lane); width -= PairKernel.Lane)
        {
            int tileColumns = (shared ? 1 : PanelsPerTile(first, width)) * width, columnTiles = (columns + tileColumns - 1) / tileColumns;
            for (int rowTiles = fewest; rowTiles <= Math.Max(fewest, Math.Min(2 * pool.Threads, rows / RowsAtOnce)); rowTiles++)
            {
                int tiles = columnTiles * rowTiles, rounds = (tiles + pool.Threads - 1) / pool.Threads;
                // Of cuts that end together the one with the fewest row tiles wins, also where tiles share their panels.
                double padding = (double)((columns + width - 1) / width * width) / columns;
                double cost = (double)rounds * pool.Threads / tiles * padding * (1 + (shared ? 0.001 * rowTiles : rowTiles * PackingRows / rows));
                if (cost < least)
                {
                    (least, best) = (cost, (width, rowTiles));
                }
            }
        }

        return best;
    }

    /// <summary>A kernel reads whole pairs: rows of an odd depth are copied and end with a zero.</summary>
    private static void PadOddDepth(ref PairTerm term, int rows, ScratchMemory memory)
    {
        if (term.Depth % 2 == 0)
        {
            return;
        }

        int step = term.Depth + 1;
        ushort* copy = (ushort*)memory.Floats((long)rows * step / 2 + 1);
        for (long row = 0; row < rows; row++)
        {
            new ReadOnlySpan<ushort>(term.Left + row * term.LeftStep + term.Start, term.Depth).CopyTo(new Span<ushort>(copy + row * step, term.Depth));
            copy[row * step + term.Depth] = 0;
        }

        term.Left = copy;
        term.LeftStep = step;
    }
}
