namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// BF16 operands of attention over documents that lie one after another: (T, heads·headDim) for queries and outputs,
/// (T, keyValueHeads·headDim) for keys and values. The gradients concern the backward pass alone.
/// </summary>
internal unsafe struct PairAttentionOperands
{
    public ushort* Query, Key, Value, Output;

    /// <summary>F32 (T, heads).</summary>
    public float* LogSumExp;

    public ushort* DOutput, DQuery, DKey, DValue;

    /// <summary>Numbers from row to row of queries, keys and log-sum-exps.</summary>
    public long QueryStep, KeyStep, LogSumExpStep;

    /// <summary>What begins at that row and those heads of queries and of keys.</summary>
    public readonly PairAttentionOperands Part(long row, int head, int keyHead, int headDim)
    {
        PairAttentionOperands part = this;
        long query = row * QueryStep + (long)head * headDim, key = row * KeyStep + (long)keyHead * headDim;
        part.Query += query;
        part.Output += query;
        part.DOutput += query;
        part.DQuery += query;
        part.Key += key;
        part.Value += key;
        part.DKey += key;
        part.DValue += key;
        part.LogSumExp += row * LogSumExpStep + head;
        return part;
    }
}

/// <summary>A piece of work: rows of one document from Row on, for one head.</summary>
internal readonly record struct AttentionTask(int Document, int Head, int Row);

/// <summary>Documents that lie one after another, and where their rows go in buffers in which each is padded to whole units.</summary>
internal readonly unsafe struct PairDocuments(int* starts, int count, int unit)
{
    public int Count => count;

    public int Unit => unit;

    /// <summary>Rows of all documents with their padding, at most.</summary>
    public long PaddedRows => ((long)starts[count] / unit + count) * unit;

    public int Start(int document) => starts[document];

    public int Rows(int document) => starts[document + 1] - starts[document];

    public int Units(int document) => (Rows(document) + unit - 1) / unit;

    /// <summary>Where a document begins: room for its last unit is left, as the quotients of two neighbours differ by at least its whole units.</summary>
    public long PaddedStart(int document) => ((long)starts[document] / unit + document) * unit;

    /// <summary>(head, padded rows) of a document's first row.</summary>
    public long PaddedStart(int document, int head) => head * PaddedRows + PaddedStart(document);
}
