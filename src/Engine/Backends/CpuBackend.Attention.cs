using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Backends;

public sealed unsafe partial class CpuBackend
{
    public override void Attention(
        Tensor query, Tensor key, Tensor value, AttentionShape shape, ReadOnlySpan<int> documentStarts, Tensor output, Tensor logSumExp)
    {
        AttentionLayout layout = RequireAttention(nameof(Attention), query, key, value, shape, output);
        Require(logSumExp.Shape.Count == query.Shape.Rows * layout.Heads, nameof(Attention), query.Shape, logSumExp.Shape);
        RequireDocuments(nameof(Attention), documentStarts, query.Shape.Rows);
        int tokens = Rows(query);
        fixed (int* starts = documentStarts)
        {
            _pool.Run(tokens, new AttentionRowWork
            {
                Layout = layout,
                Query = Floats(query),
                Key = Floats(key),
                Value = Floats(value),
                Output = Floats(output),
                LogSumExp = Floats(logSumExp),
                Starts = starts,
                Documents = documentStarts.Length - 1,
                Scores = _scratch.Floats((long)tokens * Threads),
                ScoresPerWorker = tokens,
            });
        }

        Keep(query, key, value, output, logSumExp);
    }

    public override void AttentionBackward(
        Tensor dOutput, Tensor query, Tensor key, Tensor value, Tensor output, Tensor logSumExp, AttentionShape shape,
        ReadOnlySpan<int> documentStarts, Tensor dQuery, Tensor dKey, Tensor dValue)
    {
        AttentionLayout layout = RequireAttention(nameof(AttentionBackward), query, key, value, shape, output);
        RequireSame(nameof(AttentionBackward), query, dOutput);
        RequireSame(nameof(AttentionBackward), query, dQuery);
        RequireSame(nameof(AttentionBackward), key, dKey);
        RequireSame(nameof(AttentionBackward), value, dValue);
        Require(logSumExp.Shape.Count == query.Shape.Rows * layout.Heads, nameof(AttentionBackward), query.Shape, logSumExp.Shape);
        RequireDocuments(nameof(AttentionBackward), documentStarts, query.Shape.Rows);
        Zero(dKey);
        Zero(dValue);
        fixed (int* starts = documentStarts)
        {
            _pool.Run((documentStarts.Length - 1) * layout.KeyValueHeads, new AttentionBackwardWork
            {
                Layout = layout,
                Query = Floats(query),
                Key = Floats(key),
                Value = Floats(value),
                Output = Floats(output),
                LogSumExp = Floats(logSumExp),
                Starts = starts,
                DOutput = Floats(dOutput),
                DQuery = Floats(dQuery),
                DKey = Floats(dKey),
                DValue = Floats(dValue),
            });
        }

        Keep(dOutput, query, key, value, output, logSumExp);
        Keep(dQuery, dKey, dValue);
    }

    public override void CachedAttention(Tensor query, Tensor keys, Tensor values, int past, AttentionShape shape, Tensor output)
    {
        AttentionLayout layout = RequireAttention(nameof(CachedAttention), query, keys, values, shape, output, past);
        int tokens = Rows(query);
        _pool.Run(tokens * layout.Heads, new CachedAttentionWork
        {
            Layout = layout,
            Query = Floats(query),
            Key = Floats(keys),
            Value = Floats(values),
            Output = Floats(output),
            Past = past,
            Scores = _scratch.Floats((long)(past + tokens) * Threads),
            ScoresPerWorker = past + tokens,
        });
        Keep(query, keys, values, output);
    }

    private static AttentionLayout RequireAttention(
        string operation, Tensor query, Tensor key, Tensor value, AttentionShape shape, Tensor output, int past = 0)
    {
        RequireSame(operation, key, value);
        RequireSame(operation, query, output);
        Require(shape.Heads > 0 && shape.KeyValueHeads > 0 && shape.Heads % shape.KeyValueHeads == 0, operation, new Shape(shape.Heads), new Shape(shape.KeyValueHeads));
        Require(query.Shape.Columns == (long)shape.Heads * shape.HeadDim, operation, query.Shape, new Shape(shape.Heads, shape.HeadDim));
        Require(key.Shape.Columns == (long)shape.KeyValueHeads * shape.HeadDim, operation, key.Shape, new Shape(shape.KeyValueHeads, shape.HeadDim));
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
