using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Backends;

public sealed unsafe partial class CpuBackend
{
    /// <summary>Fewer new rows than this go one by one over the cache, which then need not be brought into another order.</summary>
    private const int CachedTileRows = 16;

    private readonly ScratchMemory _prepared = new();
    private readonly ScratchMemory _tiles = new();

    public override void Attention(
        Tensor query, Tensor key, Tensor value, AttentionShape shape, ReadOnlySpan<int> documentStarts, Tensor output, Tensor logSumExp)
    {
        if (query.Type == ElementType.BF16)
        {
            PairAttention(query, key, value, shape, documentStarts, output, logSumExp);
            return;
        }

        AttentionOperands operands = Operands(nameof(Attention), query, key, value, shape, output);
        Require(logSumExp.Shape.Count == query.Shape.Rows * shape.Heads, nameof(Attention), query.Shape, logSumExp.Shape);
        RequireDocuments(nameof(Attention), documentStarts, query.Shape.Rows);
        fixed (int* starts = documentStarts)
        {
            operands.Starts = starts;
            operands.LogSumExp = Floats(logSumExp);
            ForwardTiles(operands, documentStarts.Length - 1);
        }

        Keep(query, key, value, output, logSumExp);
    }

    public override void AttentionBackward(
        Tensor dOutput, Tensor query, Tensor key, Tensor value, Tensor output, Tensor logSumExp, AttentionShape shape,
        ReadOnlySpan<int> documentStarts, Tensor dQuery, Tensor dKey, Tensor dValue)
    {
        if (query.Type == ElementType.BF16)
        {
            PairAttentionBackward(dOutput, query, key, value, output, logSumExp, shape, documentStarts, dQuery, dKey, dValue);
            return;
        }

        AttentionOperands operands = Operands(nameof(AttentionBackward), query, key, value, shape, output);
        RequireSame(nameof(AttentionBackward), query, dOutput);
        RequireSame(nameof(AttentionBackward), query, dQuery);
        RequireSame(nameof(AttentionBackward), key, dKey);
        RequireSame(nameof(AttentionBackward), value, dValue);
        Require(logSumExp.Shape.Count == query.Shape.Rows * shape.Heads, nameof(AttentionBackward), query.Shape, logSumExp.Shape);
        RequireDocuments(nameof(AttentionBackward), documentStarts, query.Shape.Rows);
        AttentionLayout layout = operands.Layout;
        int documents = documentStarts.Length - 1, rows = Rows(query);
        fixed (int* starts = documentStarts)
        {
            operands.Starts = starts;
            operands.LogSumExp = Floats(logSumExp);
            int longest = Longest(operands, documents);
            operands.ScratchPerWorker = _kernels.Attention.BackwardScratch(layout, longest);
            operands.Scratch = _scratch.Floats(operands.ScratchPerWorker * Threads);
            bool grouped = layout.GroupSize > 1;
            float* perHead = grouped ? _prepared.Floats(2 * query.Shape.Count) : null;
            float* dKeys = grouped ? perHead : Floats(dKey), dValues = grouped ? perHead + query.Shape.Count : Floats(dValue);
            _pool.Run(documents * layout.Heads, new AttentionBackwardWork
            {
                Operands = operands,
                DOutput = Floats(dOutput),
                DQuery = Floats(dQuery),
                DKey = dKeys,
                DValue = dValues,
            });
            if (grouped)
            {
                var sum = new GroupSumWork { Kernel = _kernels.VectorMath, Layout = layout, Source = dKeys, Target = Floats(dKey), Rows = rows };
                _pool.Run(Blocks(rows, GroupSumWork.RowsPerBlock), sum);
                sum.Source = dValues;
                sum.Target = Floats(dValue);
                _pool.Run(Blocks(rows, GroupSumWork.RowsPerBlock), sum);
            }
        }

        Keep(dOutput, query, key, value, output, logSumExp);
        Keep(dQuery, dKey, dValue);
    }

    public override void CachedAttention(Tensor query, Tensor keys, Tensor values, int past, AttentionShape shape, Tensor output)
    {
        AttentionOperands operands = Operands(nameof(CachedAttention), query, keys, values, shape, output, past);
        int tokens = Rows(query);
        int* starts = stackalloc int[] { 0, tokens };
        operands.Starts = starts;
        operands.Past = past;
        if (tokens >= CachedTileRows)
        {
            ForwardTiles(operands, 1);
        }
        else
        {
            operands.ScratchPerWorker = past + tokens;
            operands.Scratch = _scratch.Floats(operands.ScratchPerWorker * Threads);
            _pool.Run(tokens * shape.Heads, new CachedRowWork { Operands = operands });
        }

        Keep(query, keys, values, output);
    }

    private void ForwardTiles(AttentionOperands operands, int documents)
    {
        AttentionLayout layout = operands.Layout;
        int longest = Longest(operands, documents), tileRows = _kernels.Attention.QueryTile, tokens = operands.Starts[documents];
        operands.PreparedStep = _kernels.Attention.PreparedFloats(layout, operands.Past + tokens + 8 * documents);
        operands.Prepared = _prepared.Floats(operands.PreparedStep * layout.KeyValueHeads);
        operands.ScratchPerWorker = _kernels.Attention.ForwardScratch(layout, operands.Past + longest);
        operands.Scratch = _scratch.Floats(operands.ScratchPerWorker * Threads);
        var tiles = (QueryTile*)_tiles.Floats(2L * (tokens / tileRows + documents));
        int count = 0;
        for (int document = 0; document < documents; document++)
        {
            for (int row = 0; row < operands.Rows(document); row += tileRows)
            {
                tiles[count++] = new QueryTile(document, row);
            }
        }

        if (operands.PreparedStep > 0)
        {
            _pool.Run(documents * layout.KeyValueHeads, new PrepareKeysWork { Operands = operands });
        }

        _pool.Run(count * layout.Heads, new AttentionForwardWork { Operands = operands, Tiles = tiles, TileCount = count });
    }

    private static int Longest(in AttentionOperands operands, int documents)
    {
        int longest = 0;
        for (int document = 0; document < documents; document++)
        {
            longest = Math.Max(longest, operands.Rows(document));
        }

        return longest;
    }

    private AttentionOperands Operands(string operation, Tensor query, Tensor key, Tensor value, AttentionShape shape, Tensor output, int past = 0) => new()
    {
        Kernel = _kernels.Attention,
        Layout = RequireAttention(operation, query, key, value, shape, output, past),
        Query = Floats(query),
        Key = Floats(key),
        Value = Floats(value),
        Output = Floats(output),
    };

    private static AttentionLayout RequireAttention(
        string operation, Tensor query, Tensor key, Tensor value, AttentionShape shape, Tensor output, int past)
    {
        RequireSame(operation, key, value);
        RequireSame(operation, query, output);
        Require(shape.Heads > 0 && shape.KeyValueHeads > 0 && shape.Heads % shape.KeyValueHeads == 0, operation, query.Shape, shape.Heads, shape.KeyValueHeads);
        Require(query.Shape.Columns == (long)shape.Heads * shape.HeadDim, operation, query.Shape, shape.Heads, shape.HeadDim);
        Require(key.Shape.Columns == (long)shape.KeyValueHeads * shape.HeadDim, operation, key.Shape, shape.KeyValueHeads, shape.HeadDim);
        Require(past >= 0 && key.Shape.Rows >= past + query.Shape.Rows, operation, query.Shape, key.Shape);
        return new AttentionLayout(shape.Heads, shape.KeyValueHeads, shape.HeadDim, shape.Scale, shape.Window, shape.SoftCap);
    }

    private static void RequireDocuments(string operation, ReadOnlySpan<int> starts, long tokens)
    {
        bool fits = starts.Length > 0 && starts[0] == 0 && starts[^1] == tokens;
        for (int i = 1; fits && i < starts.Length; i++)
        {
            fits = starts[i] >= starts[i - 1];
        }

        if (!fits)
        {
            throw new ArgumentException($"{operation}: document starts must ascend from 0 to the {tokens} tokens.");
        }
    }
}
