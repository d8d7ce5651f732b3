using FineTuneTool.Engine.Kernels;

namespace FineTuneTool.Engine.Backends;

/// <summary>Keys and values that all documents share.</summary>
public sealed unsafe partial class CpuBackend
{
    /// <summary>Rows are cut into so many parts at most whose gradients are summed apart: a number of its own, so that threads change no bit.</summary>
    private const int PrefixParts = 16;

    public override void PrefixAttention(
        Tensor query, Tensor keys, Tensor values, AttentionShape shape, ReadOnlySpan<int> positions, Tensor output, Tensor logSumExp)
    {
        fixed (int* first = positions)
        {
            PrefixOperands operands = PrefixOf(nameof(PrefixAttention), query, keys, values, shape, positions.Length, output, logSumExp);
            operands.Positions = first;
            RowBlocks blocks = RowsOf(query, tiles: 2, out int count);
            _pool.Run(count, new PrefixForwardWork { Blocks = blocks, Operands = operands, Scores = _branch.Floats((long)operands.Count * Threads) });
        }

        Keep(query, keys, values, output, logSumExp);
    }

    public override void PrefixAttentionBackward(
        Tensor dOutput, Tensor query, Tensor keys, Tensor values, Tensor output, Tensor logSumExp, AttentionShape shape, ReadOnlySpan<int> positions,
        Tensor dQuery, Tensor? dKeys, Tensor? dValues)
    {
        RequireSame(nameof(PrefixAttentionBackward), query, dOutput);
        RequireSame(nameof(PrefixAttentionBackward), query, dQuery);
        RequireSame(nameof(PrefixAttentionBackward), keys, dKeys ?? keys);
        RequireSame(nameof(PrefixAttentionBackward), values, dValues ?? values);
        fixed (int* first = positions)
        {
            PrefixOperands operands = PrefixOf(nameof(PrefixAttentionBackward), query, keys, values, shape, positions.Length, output, logSumExp);
            operands.Positions = first;
            long rows = query.Shape.Rows, rowsPerPart = Math.Max(1, (rows + PrefixParts - 1) / PrefixParts), each = keys.Shape.Count;
            int parts = Blocks(rows, (int)rowsPerPart), width = operands.Layout.GroupSize * operands.Layout.HeadDim;
            float* sums = _branch.Floats(2L * parts * each);
            new Span<float>(sums, checked((int)(2L * parts * each))).Clear();
            _pool.Run(parts * shape.KeyValueHeads, new PrefixBackwardWork
            {
                Operands = operands,
                DOutput = Numbers(dOutput),
                DQuery = Numbers(dQuery),
                Rows = rows,
                RowsPerPart = rowsPerPart,
                Sums = sums,
                Tiles = _scratch.Floats(4L * width * Threads),
            });
            for (int part = 0; part < parts; part++)
            {
                AddPart(dKeys, sums + 2L * part * each, each);
                AddPart(dValues, sums + (2L * part + 1) * each, each);
            }
        }

        Keep(dOutput, query, keys, values, output, logSumExp);
        Keep(dQuery, dKeys, dValues);
    }

    private void AddPart(Tensor? target, float* part, long count)
    {
        if (target is not null)
        {
            _kernels.VectorMath.Add(Floats(target), part, 1, count);
        }
    }

    private PrefixOperands PrefixOf(
        string operation, Tensor query, Tensor keys, Tensor values, AttentionShape shape, int positions, Tensor output, Tensor logSumExp)
    {
        RequireSame(operation, keys, values);
        RequireSame(operation, query, output);
        Require(query.Shape.Columns == (long)shape.Heads * shape.HeadDim, operation, query.Shape, shape.Heads, shape.HeadDim);
        Require(keys.Shape.Columns == (long)shape.KeyValueHeads * shape.HeadDim, operation, keys.Shape, shape.KeyValueHeads, shape.HeadDim);
        Require(positions == query.Shape.Rows, operation, query.Shape, positions);
        Require(logSumExp.Shape.Count == query.Shape.Rows * shape.Heads, operation, query.Shape, logSumExp.Shape);
        return new PrefixOperands
        {
            Kernel = _kernels.VectorMath,
            Layout = new AttentionLayout(shape.Heads, shape.KeyValueHeads, shape.HeadDim, shape.Scale, shape.Window, shape.SoftCap),
            Query = Numbers(query),
            Output = Numbers(output),
            Keys = Floats(keys),
            Values = Floats(values),
            LogSumExp = Floats(logSumExp),
            Count = Rows(keys),
        };
    }
}
