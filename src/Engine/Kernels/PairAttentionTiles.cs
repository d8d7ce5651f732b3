namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// The work of <see cref="PairAttentionBackward"/> on one tile. Tasks name a tile of keys and its head; all query heads that share it belong to the task.
/// </summary>
internal unsafe struct PairAttentionTiles
{
    /// <summary>Queries and keys of a tile.</summary>
    public const int TileRows = 128;

    /// <summary>Keys of a panel, whose scores are held at the same time.</summary>
    private const int PanelKeys = 32;

    /// <summary>Query rows that are taken together where not all of a tile see all of its keys.</summary>
    private const int ChunkRows = 32;

    private readonly KernelSet _kernels;
    private readonly PairPanels _panels;
    private readonly PairAttentionOperands _operands;
    private readonly int _dim;

    /// <summary>Numbers of a row of dQuery, and pairs of a row.</summary>
    private readonly int _columns, _pairs;

    /// <summary>Where the buffers begin: BF16 pairs, then F32.</summary>
    private readonly long _valuePanels, _keyPairs, _queries, _dOutputs, _logSumExp, _delta, _dQuery, _dKey, _dValue;

    /// <summary>Where the parts of a worker's memory begin.</summary>
    private readonly long _scores, _dScores, _probabilityPairs, _dScorePairs, _dScoreRows;

    public PairAttentionTiles(KernelSet kernels, PairPanels panels, in AttentionLayout layout, in PairAttentionOperands operands, in PairDocuments documents)
    {
        _kernels = kernels;
        _panels = panels;
        _operands = operands;
        _dim = layout.HeadDim;
        _columns = PairPanels.Padded(_dim);
        _pairs = (_dim + 1) / 2;
        Layout = layout;
        Documents = documents;
        long rows = documents.PaddedRows * layout.Heads, keys = documents.PaddedRows * layout.KeyValueHeads;
        _valuePanels = keys * _pairs;
        _keyPairs = _valuePanels + keys * _pairs;
        _queries = _keyPairs + keys / 2 * _columns;
        _dOutputs = _queries + rows / 2 * _dim;
        _logSumExp = _dOutputs + rows / 2 * _dim;
        _delta = _logSumExp + rows;
        _dQuery = _delta + rows;
        _dKey = _dQuery + rows * _columns;
        _dValue = _dKey + keys * _dim;
        BufferFloats = _dValue + keys * _dim;
        _scores = TileRows * (_dim / 2 + 1) * 2;
        _dScores = _scores + TileRows * PanelKeys;
        _probabilityPairs = _dScores + TileRows * PanelKeys;
        _dScorePairs = _probabilityPairs + TileRows / 2 * PanelKeys;
        _dScoreRows = _dScorePairs + TileRows / 2 * PanelKeys;
        ScratchFloats = _dScoreRows + TileRows * TileRows / 2;
    }

    public AttentionLayout Layout { get; }

    public PairDocuments Documents { get; }

    public long BufferFloats { get; }

    public float* Buffers { get; set; }

    public long ScratchFloats { get; }

    /// <summary>Whether queries see any key so many tiles before their own.</summary>
    public readonly bool IsVisible(int diagonal) => Layout.Window <= 0 || (diagonal - 1L) * TileRows + 1 < Layout.Window;

    /// <summary>Operands of a tile, as keys and as queries, in the orders in which they are read.</summary>
    public readonly void Prepare(AttentionTask task, float* scratch)
    {
        int rows = Rows(task.Document, task.Row);
        long token = (long)Documents.Start(task.Document) + task.Row, keyAt = token * _operands.KeyStep + (long)task.Head * _dim;
        var copy = (ushort*)scratch;
        Prefetch(_operands.Query, token, task.Head * Layout.GroupSize, rows);
        _panels.ColumnPairs(_operands.Key + keyAt, _operands.KeyStep, rows, _dim, Panel(0, task, 0), PanelKeys, copy);
        _panels.ColumnPairs(_operands.Value + keyAt, _operands.KeyStep, rows, _dim, Panel(_valuePanels, task, 0), PanelKeys, copy);
        var zeros = (ushort*)scratch;
        uint* turned = (uint*)scratch + _dim;
        new Span<ushort>(zeros, _dim).Clear();
        _panels.RowPairs(_operands.Key + keyAt, _operands.KeyStep, rows, _dim, KeyPairs(task), PanelPairs(task.Document), task.Row / 2, zeros);
        for (int i = 0; i < Layout.GroupSize; i++)
        {
            int head = task.Head * Layout.GroupSize + i;
            long at = token * _operands.QueryStep + (long)head * _dim, row = Documents.PaddedStart(task.Document, head) + task.Row;
            Prefetch(_operands.DOutput, token, head, rows);
            _panels.Turn(_operands.Query + at, _operands.QueryStep, rows, _dim, Turned(_queries, row), TileRows, turned, zeros);
            Prefetch(_operands.Output, token, head, rows);
            _panels.Turn(_operands.DOutput + at, _operands.QueryStep, rows, _dim, Turned(_dOutputs, row), TileRows, turned, zeros);
            Prefetch(_operands.Query, token, head + 1, i + 1 < Layout.GroupSize ? rows : 0);
            for (int r = 0; r < rows; r++, at += _operands.QueryStep)
            {
                Buffers[_logSumExp + row + r] = _operands.LogSumExp[(token + r) * _operands.LogSumExpStep + head];
                Buffers[_delta + row + r] = _kernels.Scores.Dot(_operands.DOutput + at, _operands.Output + at, _dim);
            }
        }
    }

    /// <summary>Rounds the gradients of a tile, as keys and as queries, to BF16.</summary>
    public readonly void Finish(AttentionTask task, float* scratch)
    {
        int rows = Rows(task.Document, task.Row);
        long token = (long)Documents.Start(task.Document) + task.Row, keyAt = token * _operands.KeyStep + (long)task.Head * _dim;
        for (int key = 0; key < rows; key += PanelKeys)
        {
            FinishKeys(DPanel(_dKey, task, key), _operands.DKey + keyAt + key * _operands.KeyStep, Math.Min(PanelKeys, rows - key), scratch);
            FinishKeys(DPanel(_dValue, task, key), _operands.DValue + keyAt + key * _operands.KeyStep, Math.Min(PanelKeys, rows - key), scratch);
        }

        for (int i = 0; i < Layout.GroupSize; i++)
        {
            int head = task.Head * Layout.GroupSize + i;
            float* sums = Buffers + _dQuery + (Documents.PaddedStart(task.Document, head) + task.Row) * _columns;
            ushort* target = _operands.DQuery + token * _operands.QueryStep + (long)head * _dim;
            _kernels.Conversion.Finish(sums, _columns, rows, _dim, null, null, target, _operands.QueryStep);
        }
    }

    /// <summary>
    /// Adds what the queries so many tiles after the task's keys contribute, those of one query head of its group.
    /// The first diagonal overwrites the gradients of queries, that of the first head also those of keys and values.
    /// </summary>
    public readonly void Multiply(AttentionTask task, int headOfGroup, int diagonal, float* scratch)
    {
        int head = task.Head * Layout.GroupSize + headOfGroup;
        int firstRow = task.Row + diagonal * TileRows, rows = Rows(task.Document, firstRow), keys = Rows(task.Document, task.Row);
        long row = Documents.PaddedStart(task.Document, head) + firstRow;
        long at = ((long)Documents.Start(task.Document) + firstRow) * _operands.QueryStep + (long)head * _dim;
        long step = _operands.QueryStep, dStep = step;
        ushort* query = PairPanels.Even(_operands.Query + at, ref step, rows, _dim, (ushort*)scratch);
        ushort* dOutput = PairPanels.Even(_operands.DOutput + at, ref dStep, rows, _dim, (ushort*)scratch + TileRows * (_dim + 1));
        float* scores = scratch + _scores, dScores = scratch + _dScores;
        var dScoreRows = (ushort*)(scratch + _dScoreRows);
        bool accumulates = diagonal > 0 || headOfGroup > 0;
        for (int panel = 0; panel < keys; panel += PanelKeys)
        {
            // Rows before the panel do not see it, nor do those from a window after it. Pairs of rows stay together.
            int place = firstRow - task.Row - panel, from = Math.Max(-place, 0) / 2 * 2;
            int to = Layout.Window > 0 ? Math.Min(rows, (PanelKeys + Layout.Window - place) / 2 * 2) : rows;
            Clear(dScoreRows + panel, 0, to > from ? from : rows);
            Clear(dScoreRows + panel, Math.Max(to, 0), rows);
            if (to <= from)
            {
                continue;
            }

            _kernels.Pairs.Multiply(to - from, PanelKeys, query + from * step, step, Panel(0, task, panel), _pairs, scores, PanelKeys, false);
            _kernels.Pairs.Multiply(to - from, PanelKeys, dOutput + from * step, step, Panel(_valuePanels, task, panel), _pairs, dScores, PanelKeys, false);
            var pairs = new ScoreGradients
            {
                DScores = dScores,
                LogSumExp = Buffers + _logSumExp + row + from,
                Delta = Buffers + _delta + row + from,
                ProbabilityPairs = (uint*)(scratch + _probabilityPairs),
                DScorePairs = (uint*)(scratch + _dScorePairs),
                DScoreRows = dScoreRows + from * TileRows + panel,
                DScoreRowsStep = TileRows,
            };
            _kernels.Scores.Gradients(ScoreRows(scores, to - from, place + from), pairs);
            int depth = (to - from + 1) / 2;
            _kernels.Pairs.Multiply(_dim, PanelKeys, Turned(_dOutputs, row) + from, TileRows, pairs.ProbabilityPairs, depth, DPanel(_dValue, task, panel), PanelKeys, accumulates);
            _kernels.Pairs.Multiply(_dim, PanelKeys, Turned(_queries, row) + from, TileRows, pairs.DScorePairs, depth, DPanel(_dKey, task, panel), PanelKeys, accumulates);
        }

        int chunk = diagonal > 0 && Layout.Window <= 0 ? TileRows : ChunkRows;
        for (int first = 0; first < rows; first += chunk)
        {
            int count = Math.Min(chunk, rows - first), place = firstRow - task.Row + first;
            int start = Layout.Window > 0 ? Math.Max(place + 1 - Layout.Window, 0) / 2 * 2 : 0, end = Math.Min(keys, place + count);
            for (int column = 0; column < _dim && start < end; column += PairKernel.MaxWidth)
            {
                uint* right = PairPanels.PairsAt(KeyPairs(task), _dim, column, PanelPairs(task.Document), (task.Row + start) / 2);
                _kernels.Pairs.Multiply(
                    count, PairPanels.Width(_dim, column), dScoreRows + first * TileRows + start, TileRows, right, (end - start + 1) / 2,
                    Buffers + _dQuery + (row + first) * _columns + column, _columns, diagonal > 0);
            }
        }
    }

    private readonly void FinishKeys(float* panel, ushort* target, int keys, float* turned)
    {
        _kernels.Packer.Transpose(panel, PanelKeys, _dim, keys, turned, _dim);
        _kernels.Conversion.Finish(turned, _dim, keys, _dim, null, null, target, _operands.KeyStep);
    }

    private readonly void Prefetch(ushort* source, long token, int head, int rows) =>
        PairPanels.Prefetch(source + token * _operands.QueryStep + (long)head * _dim, _operands.QueryStep, rows, _dim);

    private readonly ScoreRows ScoreRows(float* scores, int rows, int place) => new()
    {
        Scores = scores,
        ScoresStep = PanelKeys,
        Scale = Layout.Scale,
        SoftCap = Layout.SoftCap,
        Window = Layout.Window,
        Place = place,
        Rows = rows,
        Keys = PanelKeys,
    };

    private static void Clear(ushort* panel, int first, int end)
    {
        for (int row = first; row < end; row++)
        {
            new Span<ushort>(panel + row * TileRows, PanelKeys).Clear();
        }
    }

    private readonly int Rows(int document, int first) => Math.Min(TileRows, Documents.Rows(document) - first);

    private readonly long PanelPairs(int document) => Documents.Units(document) * (TileRows / 2);

    /// <summary>A panel of keys or values of the task's tile.</summary>
    private readonly uint* Panel(long buffer, AttentionTask task, int key) =>
        (uint*)Buffers + buffer + (Documents.PaddedStart(task.Document, task.Head) + task.Row + key) * _pairs;

    /// <summary>The sums of a panel of keys or values: (headDim, PanelKeys).</summary>
    private readonly float* DPanel(long buffer, AttentionTask task, int key) =>
        Buffers + buffer + (Documents.PaddedStart(task.Document, task.Head) + task.Row + key) * _dim;

    private readonly uint* KeyPairs(AttentionTask task) =>
        (uint*)Buffers + _keyPairs + Documents.PaddedStart(task.Document, task.Head) / 2 * _columns;

    /// <summary>Queries or gradients of outputs of the tile that begins with that row: (headDim, TileRows).</summary>
    private readonly ushort* Turned(long buffer, long row) => (ushort*)(Buffers + buffer) + row * _dim;
}
