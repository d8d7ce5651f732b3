using FineTuneTool.Engine.Jit;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// TDPBF16PS: products of 16 rows with 16 pairs by 16 columns, 8,192 multiply-adds an instruction. Two by two tiles of sums need one load for each product;
/// 16 rows and fewer take up to four tiles of columns.
/// The instruction sums its pairs from zero, even and odd depths apart, and adds the two to the sum last; denormals are zero, all is rounded to nearest
/// (Intel SDM, TDPBF16PS). So a sum depends on where its depth is cut: after every 16 pairs of a left operand, whatever rows and width are. What is left over
/// of rows and pairs has its own tile configuration: nothing beyond the operands is read.
/// </summary>
internal unsafe class PairKernelAmx(BFloat16Kernel conversion) : PairKernel
{
    private const int TileRows = TileConfiguration.MaxRows, TilePairs = TileConfiguration.MaxPairs;

    /// <summary>Pairs of right rows that are brought into a panel at the same time, which stays in the first-level cache.</summary>
    private const int MaxRowPairs = 16 * TilePairs;

    [ThreadStatic]
    private static ScratchMemory? _panel;

    /// <summary>Addresses by tiles of rows and of columns, emitted on first use.</summary>
    private readonly nint[] _functions = new nint[3 * (TileEmitter.MaxSums + 1)];

    private readonly Lock _gate = new();

    public override bool IsAccelerated => true;

    public override void Multiply(int rows, int width, PanelRun run)
    {
        if (run.Pairs + run.SecondPairs == 0)
        {
            MultiplyTiles(rows, width, ref run, run.Left, run.LeftStep, 0, TilePairs);
        }

        MultiplyOperand(rows, width, ref run, run.Left, run.LeftStep, run.Pairs);
        MultiplyOperand(rows, width, ref run, run.Second, run.SecondStep, run.SecondPairs);
    }

    public override int RowColumns => 2 * Lane;

    public override void MultiplyRows(int rows, PanelRun run)
    {
        uint* panel = (uint*)(_panel ??= new ScratchMemory()).Floats(MaxRowPairs * RowColumns);
        long rightStep = run.RightStep / sizeof(ushort);
        run.Right = panel;
        run.SecondPairs = 0;
        for (long left = run.Pairs; left > 0; left -= run.Pairs)
        {
            run.Pairs = Math.Min(MaxRowPairs, left);
            conversion.InterleaveRows(run.RightRows, rightStep, run.Pairs, RowColumns, panel, RowColumns);
            Multiply(rows, RowColumns, run);
            run.Left += 2 * run.Pairs;
            run.RightRows += 2 * run.Pairs * rightStep;
            run.Accumulate = 1;
        }
    }

    /// <summary>Runs the loops of <see cref="TileEmitter"/> for that many tiles.</summary>
    protected virtual void Call(int rowTiles, int columnTiles, TileRun* run)
    {
        ref nint function = ref _functions[rowTiles * (TileEmitter.MaxSums + 1) + columnTiles];
        nint address = Volatile.Read(ref function);
        if (address == 0)
        {
            lock (_gate)
            {
                address = function != 0 ? function : Install(rowTiles, columnTiles);
                Volatile.Write(ref function, address);
            }
        }

        ((delegate* unmanaged<TileRun*, void>)address)(run);
    }

    private static nint Install(int rowTiles, int columnTiles) =>
        EmittedFunction.Emit($"amx-{rowTiles * TileRows}x{columnTiles * Lane}", assembler => TileEmitter.Emit(assembler, rowTiles, columnTiles)).Address;

    /// <summary>Whole tiles of pairs, then what is left over.</summary>
    private void MultiplyOperand(int rows, int width, ref PanelRun run, ushort* left, long leftStep, long pairs)
    {
        long whole = pairs / TilePairs;
        if (whole > 0)
        {
            MultiplyTiles(rows, width, ref run, left, leftStep, whole, TilePairs);
        }

        if (pairs % TilePairs > 0)
        {
            MultiplyTiles(rows, width, ref run, left + 2 * whole * TilePairs, leftStep, 1, (int)(pairs % TilePairs));
        }
    }

    /// <summary>All rows and columns by so many steps of so many pairs; the run goes on behind them.</summary>
    private void MultiplyTiles(int rows, int width, ref PanelRun run, ushort* left, long leftStep, long steps, int pairs)
    {
        const int BlockRows = 2 * TileRows;
        var tiles = new TileRun
        {
            Left = left,
            LeftStep = leftStep,
            RightStep = width * sizeof(uint),
            Steps = steps,
            SumsStep = run.SumsStep,
            Accumulate = run.Accumulate,
        };
        float* sums = run.Sums;
        if (rows >= BlockRows)
        {
            tiles.RowBlocks = rows / BlockRows;
            MultiplyBlocks(&tiles, BlockRows, run.Right, sums, width, pairs);
            tiles.Left = (ushort*)((byte*)left + tiles.RowBlocks * BlockRows * leftStep);
            sums = (float*)((byte*)sums + tiles.RowBlocks * BlockRows * run.SumsStep);
        }

        if (rows % BlockRows > 0)
        {
            tiles.RowBlocks = 1;
            MultiplyBlocks(&tiles, rows % BlockRows, run.Right, sums, width, pairs);
        }

        run.Right += steps * pairs * width;
        run.Accumulate = 1;
    }

    /// <summary>Blocks of 1 to 32 rows, all columns.</summary>
    private void MultiplyBlocks(TileRun* tiles, int rows, uint* right, float* sums, int width, int pairs)
    {
        int rowTiles = (rows + TileRows - 1) / TileRows, lastRows = rows - (rowTiles - 1) * TileRows;
        for (int column = 0; column < width;)
        {
            int columnTiles = Math.Min(TileEmitter.MaxSums / rowTiles, (width - column) / Lane);
            tiles->Configuration = TileConfiguration.At(rowTiles, lastRows, columnTiles, pairs);
            tiles->Right = right + column;
            tiles->Sums = sums + column;
            tiles->ColumnBlocks = (width - column) / Lane / columnTiles;
            column += (int)tiles->ColumnBlocks * columnTiles * Lane;
            Call(rowTiles, columnTiles, tiles);
        }
    }
}
