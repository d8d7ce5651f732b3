using FineTuneTool.Engine.Tensors;

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
            RowBlocks blocks = RowsOf(y, tiles: 1, out int count);
            _pool.Run(count, new EmbedWork
            {
                Blocks = blocks,
                Kernel = _kernels.VectorMath,
                Ids = rows,
                Table = Matrix((CpuTensor)table),
                Scale = scale,
                Y = Numbers(y),
            });
        }

        Keep(table, y);
    }

    public override void AddNoise(Tensor x, ReadOnlySpan<float> magnitudes, ulong seed, ulong stream)
    {
        Require(magnitudes.Length == x.Shape.Rows, nameof(AddNoise), x.Shape, magnitudes.Length);
        fixed (float* rows = magnitudes)
        {
            RowBlocks blocks = RowsOf(x, tiles: 1, out int count);
            _pool.Run(count, new NoiseWork { Blocks = blocks, Magnitudes = rows, Random = new CounterRandom(seed, RandomPurpose.EmbeddingNoise, stream), X = Numbers(x) });
        }

        Keep(x);
    }

    public override void EmbedBackward(ReadOnlySpan<int> ids, Tensor dy, float scale, Tensor dTable)
    {
        Require(dy.Shape.Rows == ids.Length && dy.Shape.Columns == dTable.Shape.Columns, nameof(EmbedBackward), dTable.Shape, dy.Shape);
        RequireIndices(nameof(EmbedBackward), ids, dTable.Shape.Rows);
        int columns = Columns(dy);
        Activations source = Numbers(dy);
        float* tile = _scratch.Floats(columns);
        for (int t = 0; t < ids.Length; t++)
        {
            _kernels.VectorMath.Add(Floats(dTable) + (long)ids[t] * columns, source.Read((long)t * columns, columns, tile), scale, columns);
        }

        Keep(dy, dTable);
    }

    public override void GatherRows(Tensor x, ReadOnlySpan<int> rows, Tensor y)
    {
        Require(y.Shape.Rows == rows.Length && y.Shape.Columns == x.Shape.Columns, nameof(GatherRows), x.Shape, y.Shape);
        RequireIndices(nameof(GatherRows), rows, x.Shape.Rows);
        MoveRows(x, rows, y, scatter: false);
    }

    public override void ScatterAddRows(Tensor y, ReadOnlySpan<int> rows, Tensor x)
    {
        Require(y.Shape.Rows == rows.Length && y.Shape.Columns == x.Shape.Columns, nameof(ScatterAddRows), y.Shape, x.Shape);
        RequireIndices(nameof(ScatterAddRows), rows, x.Shape.Rows);
        MoveRows(x, rows, y, scatter: true);
    }

    private void MoveRows(Tensor x, ReadOnlySpan<int> rows, Tensor y, bool scatter)
    {
        fixed (int* indices = rows)
        {
            RowBlocks blocks = RowsOf(y, tiles: 2, out int count);
            _pool.Run(count, new GatherWork
            {
                Blocks = blocks,
                Kernel = _kernels.VectorMath,
                Indices = indices,
                Scatter = scatter,
                X = Numbers(x),
                Y = Numbers(y),
            });
        }

        Keep(x, y);
    }

    public override void CopyColumns(Tensor x, int firstOfX, Tensor y, int firstOfY, int columns)
    {
        Require(x.Shape.Rows == y.Shape.Rows && x.Type == y.Type && x.Type is (ElementType.F32 or ElementType.BF16), nameof(CopyColumns), x.Shape, y.Shape);
        if (columns < 0 || firstOfX < 0 || firstOfX > x.Shape.Columns - columns || firstOfY < 0 || firstOfY > y.Shape.Columns - columns)
        {
            throw new ArgumentException($"{nameof(CopyColumns)}: {columns} columns from {firstOfX} of {x.Shape} to {firstOfY} of {y.Shape} are not inside.");
        }

        int rows = Rows(x), perBlock = RowsPerBlock(columns);
        _pool.Run(Blocks(rows, perBlock), new CopyColumnsWork
        {
            Source = ((CpuTensor)x).Pointer + x.Type.Bytes(firstOfX),
            Target = ((CpuTensor)y).Pointer + y.Type.Bytes(firstOfY),
            SourceStep = x.Type.Bytes(x.Shape.Columns),
            TargetStep = y.Type.Bytes(y.Shape.Columns),
            Bytes = (int)x.Type.Bytes(columns),
            Rows = rows,
            PerBlock = perBlock,
        });
        Keep(x, y);
    }

    public override void RmsNorm(Tensor x, Tensor weight, float offset, float epsilon, Tensor y, Tensor inverseRms, Tensor? addend = null)
    {
        RequireSame(nameof(RmsNorm), x, y);
        RequireSame(nameof(RmsNorm), y, addend ?? y);
        Require(weight.Shape.Count == x.Shape.Columns, nameof(RmsNorm), x.Shape, weight.Shape);
        Require(inverseRms.Shape.Count >= x.Shape.Rows, nameof(RmsNorm), x.Shape, inverseRms.Shape);
        RowBlocks blocks = RowsOf(x, tiles: 3, out int count);
        _pool.Run(count, new RmsNormWork
        {
            Blocks = blocks,
            Kernel = _kernels.RmsNorm,
            VectorMath = _kernels.VectorMath,
            X = Numbers(x),
            Weight = Floats(weight),
            Offset = offset,
            Epsilon = epsilon,
            Y = Numbers(y),
            Addend = Numbers(addend ?? y),
            HasAddend = addend is not null,
            InverseRms = Floats(inverseRms),
        });
        Keep(x, weight, y, inverseRms, addend);
    }

    public override void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, float offset, Tensor inverseRms, Tensor dx, Tensor? dWeight)
    {
        RequireSame(nameof(RmsNormBackward), dy, x);
        RequireSame(nameof(RmsNormBackward), dx, x);
        Require(weight.Shape.Count == x.Shape.Columns, nameof(RmsNormBackward), x.Shape, weight.Shape);
        Require(inverseRms.Shape.Count >= x.Shape.Rows, nameof(RmsNormBackward), x.Shape, inverseRms.Shape);
        RowBlocks blocks = RowsOf(x, tiles: 3, out int count);
        _pool.Run(count, new RmsNormBackwardWork
        {
            Blocks = blocks,
            Kernel = _kernels.RmsNorm,
            Dy = Numbers(dy),
            X = Numbers(x),
            Weight = Floats(weight),
            Offset = offset,
            Dx = Numbers(dx),
            InverseRms = Floats(inverseRms),
        });
        if (dWeight is not null)
        {
            Require(dWeight.Shape.Count == x.Shape.Columns, nameof(RmsNormBackward), x.Shape, dWeight.Shape);
            float* widened = _branch.Floats(2 * x.Shape.Count);
            _pool.Run(Blocks(x.Shape.Columns, RmsNormWeightWork.ColumnsPerBlock), new RmsNormWeightWork
            {
                Kernel = _kernels.RmsNorm,
                Dy = Numbers(dy).Read(0, x.Shape.Count, widened),
                X = Numbers(x).Read(0, x.Shape.Count, widened + x.Shape.Count),
                InverseRms = Floats(inverseRms),
                DWeight = Floats(dWeight),
                Rows = x.Shape.Rows,
                Columns = Columns(x),
            });
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
            RowBlocks blocks = RowsOf(x, tiles: 1, out int count);
            _pool.Run(count, new RopeWork
            {
                Blocks = blocks,
                Kernel = _kernels.Rope,
                X = Numbers(x),
                Heads = heads,
                Positions = first,
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
        RowBlocks blocks = ElementsOf(gate, tiles: 3, out int count);
        _pool.Run(count, new GatedActivationWork
        {
            Blocks = blocks,
            Kernel = _kernels.GatedActivation,
            Activation = activation,
            Gate = Numbers(gate),
            Up = Numbers(up),
            Y = Numbers(y),
        });
        Keep(gate, up, y);
    }

    public override void GatedActivationBackward(Tensor dy, Tensor gate, Tensor up, Activation activation, Tensor dGate, Tensor dUp)
    {
        foreach (Tensor other in (ReadOnlySpan<Tensor>)[dy, up, dGate, dUp])
        {
            RequireSame(nameof(GatedActivationBackward), gate, other);
        }

        RowBlocks blocks = ElementsOf(gate, tiles: 5, out int count);
        _pool.Run(count, new GatedActivationBackwardWork
        {
            Blocks = blocks,
            Kernel = _kernels.GatedActivation,
            Activation = activation,
            Gate = Numbers(gate),
            Up = Numbers(up),
            Dy = Numbers(dy),
            DGate = Numbers(dGate),
            DUp = Numbers(dUp),
        });
        Keep(dy, gate, up, dGate, dUp);
    }

    private Activations Numbers(Tensor tensor) => new(tensor, _kernels.Conversion);

    /// <summary>Cuts rows into blocks that are small enough for BF16 rows to stay in the first-level cache while they are widened.</summary>
    private RowBlocks RowsOf(Tensor tensor, int tiles, out int count) => Cut(tensor.Shape.Rows, Columns(tensor), tiles, out count);

    private RowBlocks ElementsOf(Tensor tensor, int tiles, out int count) => Cut(tensor.Shape.Count, 1, tiles, out count);

    private RowBlocks Cut(long rows, int columns, int tiles, out int count)
    {
        const int TileElements = 8192;
        int perBlock = Math.Max(1, TileElements / Math.Max(columns, 1));
        count = Blocks(rows, perBlock);
        return new RowBlocks
        {
            Rows = rows,
            Columns = columns,
            PerBlock = perBlock,
            Tiles = _scratch.Floats((long)tiles * perBlock * columns * Threads),
            TilesPerWorker = tiles,
        };
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
