using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Blocks of 1 or 2 tiles of rows by 1 to 4, or 1 or 2, tiles of columns: sums stay in tiles over the whole depth, left rows and right pairs are loaded where
/// they lie. Tiles are configured on entry and released on exit, so that no call meets those of another and context switches stay cheap.
/// </summary>
internal static class TileEmitter
{
    /// <summary>Tiles of sums; left and right operands share the other four.</summary>
    public const int MaxSums = 4;

    private const int Count = 8;

    public static int SumTile(int row, int column, int columnTiles) => row * columnTiles + column;

    public static int LeftTile(int row) => MaxSums + row;

    /// <summary>With one tile of rows each right tile is used once, so that the next may take its place.</summary>
    public static int RightTile(int column, int rowTiles) => MaxSums + rowTiles + column % (Count - MaxSums - rowTiles);

    public static AssemblerRegisterTMM Tile(int number) => new((Register)((int)Register.TMM0 + number));

    public static void Emit(Assembler a, int rowTiles, int columnTiles)
    {
        AssemblerRegister64 left = rsi, leftStep = rdx, leftTile = r14, right = r10, rightStep = rcx, rightTile = r11, sumsStep = r12, sumsTile = r15, steps = r13, blocks = rbp;
        AssemblerRegister64[] lefts = [rax, rbx], sums = [r8, r9];
        Label columns = a.CreateLabel(), block = a.CreateLabel(), load = a.CreateLabel(), start = a.CreateLabel(), step = a.CreateLabel(), store = a.CreateLabel();
        void ForEachSum(Action<AssemblerRegisterTMM, AssemblerMemoryOperand> emit)
        {
            for (int i = 0; i < rowTiles * columnTiles; i++)
            {
                emit(Tile(i), __[sums[i / columnTiles] + sumsStep + i % columnTiles * TileConfiguration.MaxRowBytes]);
            }
        }

        a.mov(rax, Field(nameof(TileRun.Configuration)));
        a.ldtilecfg(__[rax]);
        a.mov(leftStep, Field(nameof(TileRun.LeftStep)));
        a.mov(rightStep, Field(nameof(TileRun.RightStep)));
        a.mov(sumsStep, Field(nameof(TileRun.SumsStep)));
        a.imul(leftTile, leftStep, TileConfiguration.MaxRows);
        a.imul(rightTile, rightStep, TileConfiguration.MaxRows);
        a.imul(sumsTile, sumsStep, TileConfiguration.MaxRows);
        a.Label(ref columns);
        a.mov(left, Field(nameof(TileRun.Left)));
        a.mov(sums[0], Field(nameof(TileRun.Sums)));
        a.mov(blocks, Field(nameof(TileRun.RowBlocks)));
        a.Label(ref block);
        a.mov(right, Field(nameof(TileRun.Right)));
        a.mov(steps, Field(nameof(TileRun.Steps)));
        a.mov(lefts[0], left);
        if (rowTiles == 2)
        {
            a.lea(lefts[1], __[left + leftTile]);
            a.lea(sums[1], __[sums[0] + sumsTile]);
        }

        a.cmp(__qword_ptr[Field(nameof(TileRun.Accumulate))], 0);
        a.jne(load);
        ForEachSum((tile, _) => a.tilezero(tile));
        a.jmp(start);
        a.Label(ref load);
        ForEachSum((tile, place) => a.tileloadd(tile, place));
        a.Label(ref start);
        a.test(steps, steps);
        a.je(store);
        a.Label(ref step);
        EmitStep(a, rowTiles, columnTiles, lefts, leftStep, right, rightStep);
        a.add(right, rightTile);
        a.dec(steps);
        a.jne(step);
        a.Label(ref store);
        ForEachSum((tile, place) => a.tilestored(place, tile));
        a.lea(left, __[left + leftTile * rowTiles]);
        a.lea(sums[0], __[sums[0] + sumsTile * rowTiles]);
        a.dec(blocks);
        a.jne(block);
        a.add(__qword_ptr[Field(nameof(TileRun.Right))], columnTiles * TileConfiguration.MaxRowBytes);
        a.add(__qword_ptr[Field(nameof(TileRun.Sums))], columnTiles * TileConfiguration.MaxRowBytes);
        a.dec(__qword_ptr[Field(nameof(TileRun.ColumnBlocks))]);
        a.jne(columns);
        a.tilerelease();
    }

    /// <summary>Products begin as soon as one tile of each operand is there.</summary>
    private static void EmitStep(
        Assembler a, int rowTiles, int columnTiles, AssemblerRegister64[] lefts, AssemblerRegister64 leftStep, AssemblerRegister64 right, AssemblerRegister64 rightStep)
    {
        for (int row = 0; row < rowTiles; row++)
        {
            a.tileloadd(Tile(LeftTile(row)), __[lefts[row] + leftStep]);
            for (int column = 0; column < columnTiles; column++)
            {
                AssemblerRegisterTMM pairs = Tile(RightTile(column, rowTiles));
                if (row == 0)
                {
                    a.tileloadd(pairs, __[right + rightStep + column * TileConfiguration.MaxRowBytes]);
                }

                a.tdpbf16ps(Tile(SumTile(row, column, columnTiles)), Tile(LeftTile(row)), pairs);
            }
        }

        for (int row = 0; row < rowTiles; row++)
        {
            a.add(lefts[row], TileConfiguration.MaxRowBytes);
        }
    }

    private static AssemblerMemoryOperand Field(string name) => __[rdi + (int)Marshal.OffsetOf<TileRun>(name)];
}
