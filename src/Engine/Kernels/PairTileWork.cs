namespace FineTuneTool.Engine.Kernels;

/// <summary>One tile of a <see cref="PairProduct"/>: some columns, some rows, the whole depth.</summary>
internal unsafe struct PairTileWork : IWork
{
    public PairKernel Kernel;
    public PairPacker Packer;
    public BFloat16Kernel Conversion;
    public DropoutKernel Dropout;
    public VectorMathKernel VectorMath;
    public PairTarget Target;
    public PairTerm First, Second;
    public int Rows, Columns, Width, PanelsPerTile, ColumnTiles, TileRows, MaxDepth;
    public long PanelPairs, SumsAt, MaskedAt, ScratchAt, WorkerFloats;
    public float* Memory;

    /// <summary>Panels of the whole right operand, or null where each tile brings its own into order.</summary>
    public uint* Panels;

    /// <summary>Whether the depth takes more than one block.</summary>
    public readonly bool CarriesSums => First.Depth > MaxDepth;

    public readonly void Run(int block, int worker)
    {
        int column = block % ColumnTiles * PanelsPerTile * Width, columns = Math.Min(PanelsPerTile * Width, Columns - column);
        int row = block / ColumnTiles * TileRows, rows = Math.Min(TileRows, Rows - row);
        float* memory = Memory + worker * WorkerFloats;
        if (Panels is not null)
        {
            MultiplyPanel(memory, Panels + column * PanelPairs, 0, column, row, rows, 0, First.Depth, last: true);
            return;
        }

        for (int start = 0; start < First.Depth || start == 0; start += MaxDepth)
        {
            int depth = Math.Min(MaxDepth, First.Depth - start);
            bool last = start + depth == First.Depth;
            Packer.Pack(First, column, columns, First.Start + start, depth, (uint*)memory, Width, PanelPairs, memory + ScratchAt);
            if (last && Second.Depth > 0)
            {
                Packer.Pack(Second, column, columns, 0, Second.Depth, (uint*)memory + (depth + 1) / 2 * Width, Width, PanelPairs, memory + ScratchAt);
            }

            for (int at = 0; at < columns; at += Width)
            {
                MultiplyPanel(memory, (uint*)memory + at * PanelPairs, at / Width, column + at, row, rows, start, depth, last);
            }
        }
    }

    private readonly void MultiplyPanel(float* memory, uint* right, int panel, int column, int firstRow, int rows, int start, int depth, bool last)
    {
        for (int done = 0; done < rows; done += PairProduct.RowsAtOnce)
        {
            int count = Math.Min(PairProduct.RowsAtOnce, rows - done), row = firstRow + done;
            float* sums = memory + SumsAt + (CarriesSums ? ((long)panel * TileRows + done) * Width : 0);
            var run = new PanelRun
            {
                Left = First.Left + row * First.LeftStep + First.Start + start,
                LeftStep = First.LeftStep * sizeof(ushort),
                Second = Second.Left + row * Second.LeftStep,
                SecondStep = Second.LeftStep * sizeof(ushort),
                Right = right,
                Pairs = (depth + 1) / 2,
                SecondPairs = last && !Second.ProductMask.IsActive ? (Second.Depth + 1) / 2 : 0,
                Sums = sums,
                SumsStep = Width * sizeof(float),
                Accumulate = start > 0 ? 1 : 0,
            };
            Kernel.Multiply(count, Width, run);
            if (last)
            {
                if (Second.ProductMask.IsActive)
                {
                    AddMasked(run, memory + MaskedAt, row, count, column);
                }

                Finish(sums, row, count, column);
            }
        }
    }

    /// <summary>sums += mask ∘ second product; the run is that of the first term.</summary>
    private readonly void AddMasked(PanelRun run, float* masked, int row, int rows, int column)
    {
        float* sums = run.Sums;
        run.Left = run.Second;
        run.LeftStep = run.SecondStep;
        run.Right += run.Pairs * Width;
        run.Pairs = (Second.Depth + 1) / 2;
        run.Sums = masked;
        run.Accumulate = 0;
        Kernel.Multiply(rows, Width, run);
        int columns = Math.Min(Width, Columns - column);
        for (int i = 0; i < rows; i++)
        {
            Dropout.Apply(Second.ProductMask, Second.ProductMask.Index(row + i, column), masked + (long)i * Width, columns);
            VectorMath.Add(sums + (long)i * Width, masked + (long)i * Width, 1, columns);
        }
    }

    private readonly void Finish(float* sums, long row, int rows, int column)
    {
        int columns = Math.Min(Width, Columns - column);
        float* bias = Target.Bias is null ? null : Target.Bias + column;
        long at = row * Target.Step + column;
        if (Target.Narrow is not null)
        {
            Conversion.Finish(sums, Width, rows, columns, bias, Target.Addend is null ? null : Target.Addend + at, Target.Narrow + at, Target.Step);
            return;
        }

        Conversion.FinishWide(sums, Width, rows, columns, bias, Target.Accumulate, Target.Wide + at, Target.Step);
    }
}
