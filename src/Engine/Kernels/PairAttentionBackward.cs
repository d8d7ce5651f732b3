namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// The backward pass of <see cref="PairAttentionForward"/> in tiles of queries and keys. Probabilities are made again from the log-sum-exp, rows of
/// queries; as pairs of rows they and their gradients are at once the right operands of dValueᵀ += dOutputᵀ·P and dKeyᵀ += queryᵀ·dS, and as rows the
/// left operand of dQuery += dS·key. Dao et al. 2022, algorithm 4.
/// Where documents and heads are enough to keep the threads busy, each takes whole ones, whose operands then stay in its cache. Where not, threads share
/// the tiles of one diagonal after another, which have no sum in common. Every sum grows in the same order either way.
/// </summary>
internal sealed unsafe class PairAttentionBackward(KernelSet kernels, WorkerPool pool) : IDisposable
{
    /// <summary>Whole documents are shared out where the longest is less than this part of a thread's share.</summary>
    private const double MaxShare = 0.3;

    private readonly PairPanels _pairs = new(kernels.Packer, kernels.Conversion);
    private readonly ScratchMemory _buffers = new();
    private readonly ScratchMemory _workers = new();
    private readonly ScratchMemory _tasks = new();

    /// <summary>Overwrites the gradients of queries, keys and values of all documents; document d has rows starts[d] … starts[d+1]-1.</summary>
    public void Run(in AttentionLayout layout, in PairAttentionOperands operands, ReadOnlySpan<int> starts)
    {
        int longest = 0;
        double work = 0;
        for (int document = 0; document + 1 < starts.Length; document++)
        {
            int rows = starts[document + 1] - starts[document];
            longest = Math.Max(longest, rows);
            work += (double)rows * rows;
        }

        fixed (int* first = starts)
        {
            if (pool.Threads == 1 || (double)longest * longest * pool.Threads <= MaxShare * work * layout.KeyValueHeads)
            {
                RunDocuments(layout, operands, first, starts.Length - 1, longest);
            }
            else
            {
                RunDiagonals(layout, operands, new PairDocuments(first, starts.Length - 1, PairAttentionTiles.TileRows));
            }
        }
    }

    public void Dispose()
    {
        _buffers.Dispose();
        _workers.Dispose();
        _tasks.Dispose();
    }

    private void RunDocuments(in AttentionLayout layout, in PairAttentionOperands operands, int* starts, int documents, int longest)
    {
        int count = 0;
        var tasks = (AttentionTask*)_tasks.Floats(3L * layout.KeyValueHeads * documents);
        for (int document = 0; document < documents; document++)
        {
            for (int head = 0; head < layout.KeyValueHeads && starts[document + 1] > starts[document]; head++)
            {
                tasks[count++] = new AttentionTask(document, head, 0);
            }
        }

        int* alone = stackalloc int[] { 0, longest };
        var work = new DocumentWork
        {
            Kernels = kernels,
            Panels = _pairs,
            Layout = new AttentionLayout(layout.GroupSize, 1, layout.HeadDim, layout.Scale, layout.Window, layout.SoftCap),
            Operands = operands,
            Starts = starts,
            Tasks = tasks,
        };
        var largest = new PairAttentionTiles(kernels, _pairs, work.Layout, operands, new PairDocuments(alone, 1, PairAttentionTiles.TileRows));
        work.BufferFloats = largest.BufferFloats;
        work.ScratchFloats = largest.ScratchFloats;
        work.Memory = _workers.Floats((largest.BufferFloats + largest.ScratchFloats) * pool.Threads);
        pool.Run(count, work);
    }

    private void RunDiagonals(in AttentionLayout layout, in PairAttentionOperands operands, in PairDocuments documents)
    {
        var tiles = new PairAttentionTiles(kernels, _pairs, layout, operands, documents);
        tiles.Buffers = _buffers.Floats(tiles.BufferFloats);
        var tasks = (AttentionTask*)_tasks.Floats(3L * layout.KeyValueHeads * (documents.PaddedRows / PairAttentionTiles.TileRows));
        var work = new DiagonalWork { Tiles = tiles, Tasks = tasks, Step = Step.Prepare, Scratch = _workers.Floats(tiles.ScratchFloats * pool.Threads) };
        pool.Run(Cut(tiles, 0, tasks), work);
        work.Step = Step.Multiply;
        for (work.Head = 0; work.Head < layout.GroupSize; work.Head++)
        {
            int count;
            for (work.Diagonal = 0; (count = Cut(tiles, work.Diagonal, tasks)) > 0; work.Diagonal++)
            {
                pool.Run(count, work);
            }
        }

        work.Step = Step.Finish;
        pool.Run(Cut(tiles, 0, tasks), work);
    }

    /// <summary>The tiles of keys whose queries are so many tiles further on, if some of these see them.</summary>
    private static int Cut(in PairAttentionTiles tiles, int diagonal, AttentionTask* tasks)
    {
        int count = 0;
        for (int document = 0; document < tiles.Documents.Count && tiles.IsVisible(diagonal); document++)
        {
            for (int head = 0; head < tiles.Layout.KeyValueHeads; head++)
            {
                for (int tile = 0; tile < tiles.Documents.Units(document) - diagonal; tile++)
                {
                    tasks[count++] = new AttentionTask(document, head, tile * PairAttentionTiles.TileRows);
                }
            }
        }

        return count;
    }

    private enum Step
    {
        Prepare,
        Multiply,
        Finish,
    }

    private struct DiagonalWork : IWork
    {
        public PairAttentionTiles Tiles;
        public AttentionTask* Tasks;
        public Step Step;

        /// <summary>Query head of the group, and tiles from keys to queries.</summary>
        public int Head, Diagonal;
        public float* Scratch;

        public readonly void Run(int block, int worker)
        {
            float* scratch = Scratch + worker * Tiles.ScratchFloats;
            if (Step == Step.Prepare)
            {
                Tiles.Prepare(Tasks[block], scratch);
            }
            else if (Step == Step.Multiply)
            {
                Tiles.Multiply(Tasks[block], Head, Diagonal, scratch);
            }
            else
            {
                Tiles.Finish(Tasks[block], scratch);
            }
        }
    }

    /// <summary>One document, and one head of keys with its query heads, as if there were no other.</summary>
    private struct DocumentWork : IWork
    {
        public KernelSet Kernels;
        public PairPanels Panels;
        public AttentionLayout Layout;
        public PairAttentionOperands Operands;
        public int* Starts;
        public AttentionTask* Tasks;
        public float* Memory;
        public long BufferFloats, ScratchFloats;

        public readonly void Run(int block, int worker)
        {
            AttentionTask task = Tasks[block];
            int start = Starts[task.Document], rows = Starts[task.Document + 1] - start;
            int* alone = stackalloc int[] { 0, rows };
            PairAttentionOperands operands = Operands.Part(start, task.Head * Layout.GroupSize, task.Head, Layout.HeadDim);
            var tiles = new PairAttentionTiles(Kernels, Panels, Layout, operands, new PairDocuments(alone, 1, PairAttentionTiles.TileRows))
            {
                Buffers = Memory + worker * (BufferFloats + ScratchFloats),
            };
            float* scratch = tiles.Buffers + BufferFloats;
            for (int row = 0; row < rows; row += PairAttentionTiles.TileRows)
            {
                tiles.Prepare(new AttentionTask(0, 0, row), scratch);
            }

            int last = (rows - 1) / PairAttentionTiles.TileRows;
            for (int head = 0; head < Layout.GroupSize; head++)
            {
                // The last keys first: sums grow in the order of the diagonals.
                for (int tile = last; tile >= 0; tile--)
                {
                    for (int diagonal = 0; tile + diagonal <= last && tiles.IsVisible(diagonal); diagonal++)
                    {
                        tiles.Multiply(new AttentionTask(0, 0, tile * PairAttentionTiles.TileRows), head, diagonal, scratch);
                    }
                }
            }

            for (int row = 0; row < rows; row += PairAttentionTiles.TileRows)
            {
                tiles.Finish(new AttentionTask(0, 0, row), scratch);
            }
        }
    }
}
