using FineTuneTool.Engine.Kernels;

namespace FineTuneTool.Engine.Backends;

/// <summary>Attention of BF16 rows.</summary>
public sealed unsafe partial class CpuBackend
{
    private readonly PairAttentionForward _attention;
    private readonly PairAttentionBackward _attentionBackward;

    private void PairAttention(
        Tensor query, Tensor key, Tensor value, AttentionShape shape, ReadOnlySpan<int> documentStarts, Tensor output, Tensor logSumExp)
    {
        AttentionLayout layout = RequireAttention(nameof(Attention), query, key, value, shape, output, 0);
        PairAttentionOperands operands = PairOperands(nameof(Attention), query, key, value, shape, documentStarts, output, logSumExp);
        _attention.Run(layout, operands, documentStarts);
        Keep(query, key, value, output, logSumExp);
    }

    private void PairAttentionBackward(
        Tensor dOutput, Tensor query, Tensor key, Tensor value, Tensor output, Tensor logSumExp, AttentionShape shape,
        ReadOnlySpan<int> documentStarts, Tensor dQuery, Tensor dKey, Tensor dValue)
    {
        AttentionLayout layout = RequireAttention(nameof(AttentionBackward), query, key, value, shape, output, 0);
        PairAttentionOperands operands = PairOperands(nameof(AttentionBackward), query, key, value, shape, documentStarts, output, logSumExp);
        RequireSame(nameof(AttentionBackward), query, dOutput);
        RequireSame(nameof(AttentionBackward), query, dQuery);
        RequireSame(nameof(AttentionBackward), key, dKey);
        RequireSame(nameof(AttentionBackward), value, dValue);
        operands.DOutput = Narrow(dOutput);
        operands.DQuery = Narrow(dQuery);
        operands.DKey = Narrow(dKey);
        operands.DValue = Narrow(dValue);
        _attentionBackward.Run(layout, operands, documentStarts);
        Keep(dOutput, query, key, value, output, logSumExp);
        Keep(dQuery, dKey, dValue);
    }

    private static PairAttentionOperands PairOperands(
        string operation, Tensor query, Tensor key, Tensor value, AttentionShape shape, ReadOnlySpan<int> documentStarts, Tensor output, Tensor logSumExp)
    {
        Require(key.Shape.Rows == query.Shape.Rows, operation, query.Shape, key.Shape);
        Require(logSumExp.Shape.Count == query.Shape.Rows * shape.Heads, operation, query.Shape, logSumExp.Shape);
        RequireDocuments(operation, documentStarts, query.Shape.Rows);
        return new PairAttentionOperands
        {
            Query = Narrow(query),
            Key = Narrow(key),
            Value = Narrow(value),
            Output = Narrow(output),
            LogSumExp = Floats(logSumExp),
            QueryStep = query.Shape.Columns,
            KeyStep = key.Shape.Columns,
            LogSumExpStep = shape.Heads,
        };
    }
}
