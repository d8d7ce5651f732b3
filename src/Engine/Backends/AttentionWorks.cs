using FineTuneTool.Engine.Kernels;

namespace FineTuneTool.Engine.Backends;

/// <summary>One tile of query rows of one document.</summary>
internal readonly record struct QueryTile(int Document, int FirstRow);

/// <summary>Operands of attention over documents that lie one after another, and how each kind of work cuts them.</summary>
internal unsafe struct AttentionOperands
{
    public AttentionKernel Kernel;
    public AttentionLayout Layout;
    public float* Query, Key, Value, Output, LogSumExp;
    public int* Starts;

    /// <summary>Prepared keys, PreparedStep floats for each key and value head.</summary>
    public float* Prepared;
    public long PreparedStep;
    public int Past;
    public float* Scratch;
    public long ScratchPerWorker;

    public readonly int Rows(int document) => Starts[document + 1] - Starts[document];

    public readonly AttentionHead Head(int document, int head)
    {
        long start = Starts[document], queryAt = start * Layout.QueryStep + (long)head * Layout.HeadDim;
        long keyAt = start * Layout.KeyStep + (long)(head / Layout.GroupSize) * Layout.HeadDim;
        return new AttentionHead
        {
            Query = Query + queryAt,
            Key = Key + keyAt,
            Value = Value + keyAt,
            Output = Output + queryAt,
            LogSumExp = LogSumExp is null ? null : LogSumExp + start * Layout.Heads + head,
            Rows = Rows(document),
            Past = Past,
        };
    }

    /// <summary>Where the keys of a document and head go; documents are padded to whole panels, hence the room between them.</summary>
    public readonly float* PreparedKeys(int document, int keyHead)
    {
        const int MaxPanelRows = 8;
        long row = (long)Starts[document] + (long)document * MaxPanelRows;
        return Prepared + keyHead * PreparedStep + row * Layout.HeadDim;
    }
}

internal unsafe struct PrepareKeysWork : IWork
{
    public AttentionOperands Operands;

    public readonly void Run(int block, int worker)
    {
        int document = block / Operands.Layout.KeyValueHeads, keyHead = block % Operands.Layout.KeyValueHeads;
        AttentionHead head = Operands.Head(document, keyHead * Operands.Layout.GroupSize);
        Operands.Kernel.Prepare(Operands.Layout, head.Key, head.Past + head.Rows, Operands.PreparedKeys(document, keyHead));
    }
}

/// <summary>One tile of queries of one head; the last tiles, which see the most keys, first.</summary>
internal unsafe struct AttentionForwardWork : IWork
{
    public AttentionOperands Operands;
    public QueryTile* Tiles;
    public int TileCount;

    public readonly void Run(int block, int worker)
    {
        QueryTile tile = Tiles[TileCount - 1 - block / Operands.Layout.Heads];
        int head = block % Operands.Layout.Heads;
        Operands.Kernel.Forward(
            Operands.Layout, Operands.Head(tile.Document, head), Operands.PreparedKeys(tile.Document, head / Operands.Layout.GroupSize), tile.FirstRow,
            Operands.Scratch + worker * Operands.ScratchPerWorker);
    }
}

/// <summary>One head of one document. DKey and DValue are (T, heads, headDim): one for each query head, summed afterwards.</summary>
internal unsafe struct AttentionBackwardWork : IWork
{
    public AttentionOperands Operands;
    public float* DOutput, DQuery, DKey, DValue;

    public readonly void Run(int block, int worker)
    {
        int document = block / Operands.Layout.Heads, head = block % Operands.Layout.Heads;
        long at = (long)Operands.Starts[document] * Operands.Layout.QueryStep + (long)head * Operands.Layout.HeadDim;
        var gradient = new AttentionGradient
        {
            DOutput = DOutput + at,
            DQuery = DQuery + at,
            DKey = DKey + at,
            DValue = DValue + at,
            DKeyStep = Operands.Layout.QueryStep,
        };
        Operands.Kernel.Backward(Operands.Layout, Operands.Head(document, head), gradient, Operands.Scratch + worker * Operands.ScratchPerWorker);
    }
}

/// <summary>Sums the gradients of the query heads that share a key and value head, heads in order.</summary>
internal unsafe struct GroupSumWork : IWork
{
    public const int RowsPerBlock = 32;

    public VectorMathKernel Kernel;
    public AttentionLayout Layout;
    public float* Source, Target;
    public int Rows;

    public readonly void Run(int block, int worker)
    {
        int dim = Layout.HeadDim;
        for (long row = (long)block * RowsPerBlock; row < Math.Min(Rows, (block + 1L) * RowsPerBlock); row++)
        {
            for (int head = 0; head < Layout.Heads; head++)
            {
                float* source = Source + row * Layout.QueryStep + (long)head * dim;
                float* target = Target + row * Layout.KeyStep + (long)(head / Layout.GroupSize) * dim;
                if (head % Layout.GroupSize == 0)
                {
                    new ReadOnlySpan<float>(source, dim).CopyTo(new Span<float>(target, dim));
                }
                else
                {
                    Kernel.Add(target, source, 1, dim);
                }
            }
        }
    }
}

/// <summary>One head of one new row over the cache.</summary>
internal unsafe struct CachedRowWork : IWork
{
    public AttentionOperands Operands;

    public readonly void Run(int block, int worker)
    {
        int row = block / Operands.Layout.Heads;
        AttentionHead head = Operands.Head(0, block % Operands.Layout.Heads);
        long at = (long)row * Operands.Layout.QueryStep;
        Operands.Kernel.ForwardRow(
            Operands.Layout, head.Query + at, head.Key, head.Value, Operands.Past + row, head.Output + at,
            Operands.Scratch + worker * Operands.ScratchPerWorker);
    }
}
