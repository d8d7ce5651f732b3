namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// The backward pass of <see cref="PairAttentionForward"/> in tiles of queries and keys. Probabilities are made again from the log-sum-exp, rows of
/// queries; as pairs of rows they and their gradients are at once the right operands of dValueᵀ += dOutputᵀ·P and dKeyᵀ += queryᵀ·dS, and as rows the
/// left operand of dQuery += dS·key. Tiles on one diagonal share no sum, so that threads work on them at the same time, and every sum
/// grows diagonal by diagonal, whatever the threads are. Dao et al. 2022, algorithm 4.
/// </summary>
internal sealed unsafe class PairAttentionBackward(KernelSet kernels, WorkerPool pool) : IDisposable
{
    private readonly ScratchMemory _panels = new();
    private readonly ScratchMemory _workers = new();
    private readonly ScratchMemory _tasks = new();

    /// <summary>Overwrites the gradients of queries, keys and values of all documents; document d has rows starts[d] … starts[d+1]-1.</summary>
    public void Run(in AttentionLayout layout, in PairAttentionOperands operands, ReadOnlySpan<int> starts)
    {
        fixed (int* first = starts)
        {
            var tiles = new PairAttentionTiles(kernels, layout, operands, new PairDocuments(first, starts.Length - 1, PairAttentionTiles.TileRows));
            tiles.Buffers = _panels.Floats(tiles.BufferFloats);
            tiles.Workers = _workers.Floats(tiles.WorkerFloats * pool.Threads);
            var tasks = (AttentionTask*)_tasks.Floats(3L * layout.KeyValueHeads * (starts[^1] / PairAttentionTiles.TileRows + starts.Length));
            var work = new Work { Tiles = tiles, Tasks = tasks, Step = Step.Prepare };
            pool.Run(Cut(tiles, 0, tasks), work);
            work.Step = Step.Multiply;
            for (int count; (count = Cut(tiles, work.Diagonal, tasks)) > 0; work.Diagonal++)
            {
                pool.Run(count, work);
            }

            work.Step = Step.Finish;
            pool.Run(Cut(tiles, 0, tasks), work);
        }
    }

    public void Dispose()
    {
        _panels.Dispose();
        _workers.Dispose();
        _tasks.Dispose();
    }

    /// <summary>The tiles of keys whose queries are so many tiles further on, of which some see them.</summary>
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

    private struct Work : IWork
    {
        public PairAttentionTiles Tiles;
        public AttentionTask* Tasks;
        public Step Step;
        public int Diagonal;

        public readonly void Run(int block, int worker)
        {
            float* scratch = Tiles.Workers + worker * Tiles.WorkerFloats;
            if (Step == Step.Prepare)
            {
                Tiles.Prepare(Tasks[block], scratch);
            }
            else if (Step == Step.Multiply)
            {
                Tiles.Multiply(Tasks[block], Diagonal, scratch);
            }
            else
            {
                Tiles.Finish(Tasks[block], scratch);
            }
        }
    }
}
