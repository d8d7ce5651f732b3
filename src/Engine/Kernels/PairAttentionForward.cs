namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Causal attention of BF16 numbers: scores and sums of values by a <see cref="PairKernel"/>, blocks of keys with a softmax that goes on
/// from block to block, probabilities rounded to BF16. Keys and values are brought into panels once for all query heads and rows.
/// Dao et al. 2022, algorithm 1.
/// </summary>
internal sealed unsafe class PairAttentionForward(KernelSet kernels, WorkerPool pool) : IDisposable
{
    /// <summary>Keys of a panel: narrow, so that little is computed beyond the diagonal.</summary>
    private const int PanelKeys = 32;

    /// <summary>Keys of a block, whose scores are held at the same time.</summary>
    private const int BlockKeys = 256;

    /// <summary>Query rows of a block: two blocks of the widest kernel.</summary>
    private const int ChunkRows = 48, PaddedRows = (ChunkRows + PairKernel.Lane - 1) / PairKernel.Lane * PairKernel.Lane;

    /// <summary>Query rows whose sums of values reach up to the same key.</summary>
    private const int SumRows = 24;

    /// <summary>Query rows of a task.</summary>
    private const int TaskRows = 2 * ChunkRows;

    /// <summary>Rows of keys and values that are prepared together.</summary>
    private const int PrepareRows = 8 * PanelKeys;

    /// <summary>Rows of scores and probabilities are this much longer than a block, so that they do not all fall into the same sets of a cache.</summary>
    private const int ScoresStep = BlockKeys + 16, ProbabilitiesStep = BlockKeys + 32;

    private readonly PairPanels _pairs = new(kernels.Packer, kernels.Conversion);
    private readonly ScratchMemory _panels = new();
    private readonly ScratchMemory _workers = new();
    private readonly ScratchMemory _tasks = new();

    /// <summary>Output and log-sum-exp of all documents; document d has rows starts[d] … starts[d+1]-1.</summary>
    public void Run(in AttentionLayout layout, in PairAttentionOperands operands, ReadOnlySpan<int> starts)
    {
        fixed (int* first = starts)
        {
            int columns = PairPanels.Padded(layout.HeadDim), rowDwords = layout.HeadDim / 2 + 1, pairs = (layout.HeadDim + 1) / 2;
            var work = new Work
            {
                Kernel = kernels.Pairs,
                Scores = kernels.Scores,
                Panels = _pairs,
                Conversion = kernels.Conversion,
                Math = kernels.VectorMath,
                Layout = layout,
                Operands = operands,
                Documents = new PairDocuments(first, starts.Length - 1, PanelKeys),
            };
            long keys = work.Documents.PaddedRows * layout.KeyValueHeads;
            work.KeyPanels = (uint*)_panels.Floats(keys * pairs + keys / 2 * columns);
            work.ValuePanels = work.KeyPanels + keys * pairs;
            work.CopyFloats = (Math.Max(ChunkRows, PanelKeys) * rowDwords + 15) / 16 * 16;
            work.WorkerFloats = work.CopyFloats + ChunkRows * (ScoresStep + ProbabilitiesStep / 2 + columns) + 3 * PaddedRows;
            work.Workers = _workers.Floats(work.WorkerFloats * pool.Threads);
            work.Tasks = (AttentionTask*)_tasks.Floats(3 * (starts[^1] / ChunkRows + starts.Length) * (long)layout.Heads);
            work.Prepares = true;
            pool.Run(work.Cut(PrepareRows, layout.KeyValueHeads), work);
            work.Prepares = false;
            pool.Run(work.Cut(TaskRows, layout.Heads), work);
        }
    }

    public void Dispose()
    {
        _panels.Dispose();
        _workers.Dispose();
        _tasks.Dispose();
    }

    private struct Work : IWork
    {
        public PairKernel Kernel;
        public ScoreKernel Scores;
        public PairPanels Panels;
        public BFloat16Kernel Conversion;
        public VectorMathKernel Math;
        public AttentionLayout Layout;
        public PairAttentionOperands Operands;
        public PairDocuments Documents;

        /// <summary>Of each key and value head: panels of <see cref="PanelKeys"/> keys; pairs of values in panels of columns.</summary>
        public uint* KeyPanels, ValuePanels;

        public AttentionTask* Tasks;
        public bool Prepares;
        public float* Workers;
        public long WorkerFloats, CopyFloats;

        /// <summary>Documents are cut into pieces of that many rows for each head, the last rows, which see the most keys, first.</summary>
        public readonly int Cut(int rows, int heads)
        {
            int count = 0;
            for (int document = 0; document < Documents.Count; document++)
            {
                for (int head = 0; head < heads; head++)
                {
                    for (int row = (Documents.Rows(document) - 1) / rows * rows; row >= 0 && Documents.Rows(document) > 0; row -= rows)
                    {
                        Tasks[count++] = new AttentionTask(document, head, row);
                    }
                }
            }

            return count;
        }

        public readonly void Run(int block, int worker)
        {
            AttentionTask task = Tasks[block];
            float* memory = Workers + worker * WorkerFloats;
            if (Prepares)
            {
                Prepare(task, (ushort*)memory);
                return;
            }

            int end = System.Math.Min(task.Row + TaskRows, Documents.Rows(task.Document));
            for (int row = task.Row; row < end; row += ChunkRows)
            {
                Forward(task.Document, task.Head, row, System.Math.Min(ChunkRows, end - row), memory);
            }
        }

        private readonly void Prepare(AttentionTask task, ushort* memory)
        {
            int dim = Layout.HeadDim, rows = System.Math.Min(PrepareRows, Documents.Rows(task.Document) - task.Row);
            long at = ((long)Documents.Start(task.Document) + task.Row) * Operands.KeyStep + (long)task.Head * dim;
            Panels.ColumnPairs(Operands.Key + at, Operands.KeyStep, rows, dim, Keys(task.Document, task.Head, task.Row), PanelKeys, memory);
            new Span<ushort>(memory, dim).Clear();
            uint* values = Values(task.Document, task.Head);
            Panels.RowPairs(Operands.Value + at, Operands.KeyStep, rows, dim, values, PanelPairs(task.Document), task.Row / 2, memory);
        }

        private readonly uint* Keys(int document, int keyHead, int key) =>
            KeyPanels + (Documents.PaddedStart(document, keyHead) + key) * ((Layout.HeadDim + 1) / 2);

        private readonly uint* Values(int document, int keyHead) =>
            ValuePanels + Documents.PaddedStart(document, keyHead) / 2 * PairPanels.Padded(Layout.HeadDim);

        private readonly long PanelPairs(int document) => Documents.Units(document) * (PanelKeys / 2);

        private readonly void Forward(int document, int head, int first, int rows, float* memory)
        {
            int dim = Layout.HeadDim, columns = PairPanels.Padded(dim), keyHead = head / Layout.GroupSize, end = first + rows;
            float* scores = memory + CopyFloats, output = scores + ChunkRows * (ScoresStep + ProbabilitiesStep / 2);
            var state = new SoftmaxState
            {
                Probabilities = (ushort*)(scores + ChunkRows * ScoresStep),
                ProbabilitiesStep = ProbabilitiesStep,
                Output = output,
                Largest = output + ChunkRows * columns,
                Sums = output + ChunkRows * columns + PaddedRows,
                Shrink = output + ChunkRows * columns + 2 * PaddedRows,
            };
            new Span<float>(state.Largest, PaddedRows).Fill(ScoreKernel.Hidden);
            new Span<float>(state.Sums, PaddedRows).Clear();
            long at = ((long)Documents.Start(document) + first) * Operands.QueryStep + (long)head * dim;
            long step = Operands.QueryStep;
            ushort* query = PairPanels.Even(Operands.Query + at, ref step, rows, dim, (ushort*)memory);
            int next = System.Math.Min(ChunkRows, Documents.Rows(document) - end);
            PairPanels.Prefetch(Operands.Query + at + rows * Operands.QueryStep, Operands.QueryStep, next, dim);
            PairPanels.Prefetch(Operands.Output + at, Operands.QueryStep, rows, dim);
            for (int start = Layout.FirstVisible(first) / PanelKeys * PanelKeys; start < end; start += BlockKeys)
            {
                int keys = System.Math.Min(BlockKeys, end - start);
                for (int panel = 0; panel < keys; panel += PanelKeys)
                {
                    // Rows before the panel do not see it, nor do those from a window after it.
                    int key = start + panel, from = System.Math.Max(key - first, 0);
                    int to = Layout.Window > 0 ? System.Math.Min(rows, key + PanelKeys - 1 + Layout.Window - first) : rows;
                    if (from < to)
                    {
                        float* sums = scores + from * ScoresStep + panel;
                        Kernel.Multiply(to - from, PanelKeys, query + from * step, step, Keys(document, keyHead, key), (dim + 1) / 2, sums, ScoresStep, false);
                    }
                }

                Scores.Softmax(ScoreRows(scores, rows, (keys + 15) / 16 * 16, first - start), state);
                for (int row = 0; row < rows; row += SumRows)
                {
                    int count = System.Math.Min(SumRows, rows - row), seen = System.Math.Min(keys, first + row + count - start);
                    for (int column = 0; column < dim && seen > 0; column += PairKernel.MaxWidth)
                    {
                        ushort* probabilities = state.Probabilities + row * ProbabilitiesStep;
                        uint* values = PairPanels.PairsAt(Values(document, keyHead), dim, column, PanelPairs(document), start / 2);
                        float* sums = output + row * columns + column;
                        Kernel.Multiply(count, PairPanels.Width(dim, column), probabilities, ProbabilitiesStep, values, (seen + 1) / 2, sums, columns, state.Columns > 0);
                    }
                }

                state.Columns = columns;
            }

            Finish(document, head, first, rows, state);
        }

        private readonly ScoreRows ScoreRows(float* scores, int rows, int keys, int place) => new()
        {
            Scores = scores,
            ScoresStep = ScoresStep,
            Scale = Layout.Scale,
            SoftCap = Layout.SoftCap,
            Window = Layout.Window,
            Place = place,
            Rows = rows,
            Keys = keys,
        };

        private readonly void Finish(int document, int head, int first, int rows, in SoftmaxState state)
        {
            for (int row = 0; row < rows; row++)
            {
                long token = (long)Documents.Start(document) + first + row;
                Operands.LogSumExp[token * Operands.LogSumExpStep + head] = state.Largest[row] + MathF.Log(state.Sums[row]);
                Math.Scale(state.Output + row * state.Columns, 1 / state.Sums[row], state.Columns);
            }

            ushort* target = Operands.Output + ((long)Documents.Start(document) + first) * Operands.QueryStep + (long)head * Layout.HeadDim;
            Conversion.Finish(state.Output, state.Columns, rows, Layout.HeadDim, null, null, target, Operands.QueryStep);
        }
    }
}
