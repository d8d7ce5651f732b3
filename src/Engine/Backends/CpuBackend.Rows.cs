namespace FineTuneTool.Engine.Backends;

/// <summary>Operations that move rows, and those that treat each row alone.</summary>
public sealed unsafe partial class CpuBackend
{
    public override void Embed(ReadOnlySpan<int> ids, Tensor table, float scale, Tensor y)
    {
        Require(y.Shape.Rows == ids.Length && y.Shape.Columns == table.Shape.Columns, nameof(Embed), table.Shape, y.Shape);
        RequireIndices(nameof(Embed), ids, table.Shape.Rows);
        fixed (int* rows = ids)
        {
            int perBlock = RowsPerBlock(y.Shape.Columns);
            _pool.Run(Blocks(ids.Length, perBlock), new EmbedWork
            {
                Kernel = _kernels.VectorMath,
                Ids = rows,
                Count = ids.Length,
                PerBlock = perBlock,
                Table = Matrix((CpuTensor)table),
                Scale = scale,
                Y = Floats(y),
            });
        }

        Keep(table, y);
    }

    public override void EmbedBackward(ReadOnlySpan<int> ids, Tensor dy, float scale, Tensor dTable)
    {
        Require(dy.Shape.Rows == ids.Length && dy.Shape.Columns == dTable.Shape.Columns, nameof(EmbedBackward), dTable.Shape, dy.Shape);
        RequireIndices(nameof(EmbedBackward), ids, dTable.Shape.Rows);
        int columns = Columns(dy);
        for (int t = 0; t < ids.Length; t++)
        {
            _kernels.VectorMath.Add(Floats(dTable) + (long)ids[t] * columns, Floats(dy) + (long)t * columns, scale, columns);
        }

        Keep(dy, dTable);
    }

    public override void GatherRows(Tensor x, ReadOnlySpan<int> rows, Tensor y)
    {
        Require(y.Shape.Rows == rows.Length && y.Shape.Columns == x.Shape.Columns, nameof(GatherRows), x.Shape, y.Shape);
        RequireIndices(nameof(GatherRows), rows, x.Shape.Rows);
        int columns = Columns(x);
        for (int i = 0; i < rows.Length; i++)
        {
            new ReadOnlySpan<float>(Floats(x) + (long)rows[i] * columns, columns).CopyTo(new Span<float>(Floats(y) + (long)i * columns, columns));
        }

        Keep(x, y);
    }

    public override void ScatterAddRows(Tensor y, ReadOnlySpan<int> rows, Tensor x)
    {
        Require(y.Shape.Rows == rows.Length && y.Shape.Columns == x.Shape.Columns, nameof(ScatterAddRows), y.Shape, x.Shape);
        RequireIndices(nameof(ScatterAddRows), rows, x.Shape.Rows);
        int columns = Columns(x);
        for (int i = 0; i < rows.Length; i++)
        {
            _kernels.VectorMath.Add(Floats(x) + (long)rows[i] * columns, Floats(y) + (long)i * columns, 1, columns);
        }

        Keep(x, y);
    }

    public override void RmsNorm(Tensor x, Tensor weight, float offset, float epsilon, Tensor y, Tensor inverseRms)
    {
        RequireSame(nameof(RmsNorm), x, y);
        Require(weight.Shape.Count == x.Shape.Columns, nameof(RmsNorm), x.Shape, weight.Shape);
        Require(inverseRms.Shape.Count >= x.Shape.Rows, nameof(RmsNorm), x.Shape, inverseRms.Shape);
        int perBlock = RowsPerBlock(x.Shape.Columns);
        _pool.Run(Blocks(x.Shape.Rows, perBlock), new RmsNormWork
        {
            Kernel = _kernels.RmsNorm,
            X = Floats(x),
            Weight = Floats(weight),
            Offset = offset,
            Epsilon = epsilon,
            Y = Floats(y),
            InverseRms = Floats(inverseRms),
            Rows = x.Shape.Rows,
            Columns = Columns(x),
            PerBlock = perBlock,
        });
        Keep(x, weight, y, inverseRms);
    }

    public override void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, float offset, Tensor inverseRms, Tensor dx, Tensor? dWeight)
    {
        RequireSame(nameof(RmsNormBackward), dy, x);
        RequireSame(nameof(RmsNormBackward), dx, x);
        Require(weight.Shape.Count == x.Shape.Columns, nameof(RmsNormBackward), x.Shape, weight.Shape);
        Require(inverseRms.Shape.Count >= x.Shape.Rows, nameof(RmsNormBackward), x.Shape, inverseRms.Shape);
        int perBlock = RowsPerBlock(x.Shape.Columns);
        var work = new RmsNormWork
        {
            Kernel = _kernels.RmsNorm,
            Dy = Floats(dy),
            X = Floats(x),
            Weight = Floats(weight),
            Offset = offset,
            Y = Floats(dx),
            InverseRms = Floats(inverseRms),
            Rows = x.Shape.Rows,
            Columns = Columns(x),
            PerBlock = perBlock,
        };
        _pool.Run(Blocks(x.Shape.Rows, perBlock), work);
        if (dWeight is not null)
        {
            Require(dWeight.Shape.Count == x.Shape.Columns, nameof(RmsNormBackward), x.Shape, dWeight.Shape);
            work.DWeight = Floats(dWeight);
            _pool.Run(Blocks(x.Shape.Columns, RmsNormWork.ColumnsPerBlock), work);
        }

        Keep(dy, x, weight, inverseRms, dx, dWeight);
    }

    public override void Rope(Tensor x, int heads, ReadOnlySpan<int> positions, Tensor cosines, Tensor sines, bool inverse = false)
    {
        RequireSame(nameof(Rope), cosines, sines);
        Require(x.Shape.Rows == positions.Length && x.Shape.Columns % heads == 0, nameof(Rope), x.Shape, positions.Length, heads);
        Require(2 * cosines.Shape.Columns <= x.Shape.Columns / heads, nameof(Rope), x.Shape, cosines.Shape);
        RequireIndices(nameof(Rope), positions, cosines.Shape.Rows);
        fixed (int* first = positions)
        {
            int perBlock = RowsPerBlock(x.Shape.Columns);
            _pool.Run(Blocks(positions.Length, perBlock), new RopeWork
            {
                Kernel = _kernels.Rope,
                X = Floats(x),
                Heads = heads,
                Columns = Columns(x),
                Positions = first,
                Count = positions.Length,
                PerBlock = perBlock,
                Cosines = Floats(cosines),
                Sines = Floats(sines),
                Pairs = Columns(cosines),
                Direction = inverse ? -1 : 1,
            });
        }

        Keep(x, cosines, sines);
    }

    public override void GatedActivation(Tensor gate, Tensor up, Activation activation, Tensor y)
    {
        RequireSame(nameof(GatedActivation), gate, up);
        RequireSame(nameof(GatedActivation), gate, y);
        _pool.Run(Blocks(gate.Shape.Count, BlockElements), new GatedActivationWork
        {
            Kernel = _kernels.GatedActivation,
            Activation = activation,
            Gate = Floats(gate),
            Up = Floats(up),
            Y = Floats(y),
            Count = gate.Shape.Count,
        });
        Keep(gate, up, y);
    }

    public override void GatedActivationBackward(Tensor dy, Tensor gate, Tensor up, Activation activation, Tensor dGate, Tensor dUp)
    {
        foreach (Tensor other in (ReadOnlySpan<Tensor>)[dy, up, dGate, dUp])
        {
            RequireSame(nameof(GatedActivationBackward), gate, other);
        }

        _pool.Run(Blocks(gate.Shape.Count, BlockElements), new GatedActivationWork
        {
            Kernel = _kernels.GatedActivation,
            Activation = activation,
            Gate = Floats(gate),
            Up = Floats(up),
            Dy = Floats(dy),
            DGate = Floats(dGate),
            DUp = Floats(dUp),
            Count = gate.Shape.Count,
        });
        Keep(dy, gate, up, dGate, dUp);
    }

    private static void RequireIndices(string operation, ReadOnlySpan<int> indices, long rows)
    {
        foreach (int index in indices)
        {
            if ((uint)index >= (ulong)rows)
            {
                throw new ArgumentException($"{operation}: index {index} is not below the {rows} rows of the table.");
            }
        }
    }
}
