using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FineTuneTool.Engine.Kernels;

/// <summary>What LDTILECFG reads: rows and bytes of a row of each tile. A tile holds up to 16 rows of 64 bytes (Intel SDM, LDTILECFG, palette 1).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TileConfiguration
{
    public const int MaxRows = 16, MaxRowBytes = 64, MaxPairs = MaxRowBytes / sizeof(uint);

    public byte Palette, StartRow;
    public fixed byte Reserved[14];
    public fixed ushort RowBytes[16];
    public fixed byte Rows[16];

    /// <summary>Tiles of <see cref="TileEmitter"/>: sums, left rows with that many pairs, right pairs by 16 columns. The last tile of rows has lastRows.</summary>
    public static TileConfiguration Of(int rowTiles, int lastRows, int columnTiles, int pairs)
    {
        var configuration = new TileConfiguration { Palette = 1 };
        for (int row = 0; row < rowTiles; row++)
        {
            int rows = row == rowTiles - 1 ? lastRows : MaxRows;
            configuration.Set(TileEmitter.LeftTile(row), rows, pairs * sizeof(uint));
            for (int column = 0; column < columnTiles; column++)
            {
                configuration.Set(TileEmitter.SumTile(row, column, columnTiles), rows, MaxRowBytes);
                configuration.Set(TileEmitter.RightTile(column, rowTiles), pairs, MaxRowBytes);
            }
        }

        return configuration;
    }

    /// <summary>As <see cref="Of"/>, made once and left in its place.</summary>
    public static TileConfiguration* At(int rowTiles, int lastRows, int columnTiles, int pairs) =>
        (TileConfiguration*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(Table.Configurations)) + Table.Index(rowTiles, lastRows, columnTiles, pairs);

    private void Set(int tile, int rows, int rowBytes)
    {
        Rows[tile] = (byte)rows;
        RowBytes[tile] = (ushort)rowBytes;
    }

    /// <summary>Every configuration of <see cref="TileEmitter"/>.</summary>
    private static class Table
    {
        public static readonly TileConfiguration[] Configurations = All();

        public static int Index(int rowTiles, int lastRows, int columnTiles, int pairs) =>
            ((((rowTiles - 1) * TileEmitter.MaxSums + columnTiles - 1) * MaxRows) + lastRows - 1) * MaxPairs + pairs - 1;

        private static TileConfiguration[] All()
        {
            TileConfiguration[] all = GC.AllocateArray<TileConfiguration>((TileEmitter.MaxSums + TileEmitter.MaxSums / 2) * MaxRows * MaxPairs, pinned: true);
            for (int rowTiles = 1; rowTiles <= 2; rowTiles++)
            {
                for (int columnTiles = 1; columnTiles <= TileEmitter.MaxSums / rowTiles; columnTiles++)
                {
                    for (int i = 0; i < MaxRows * MaxPairs; i++)
                    {
                        (int lastRows, int pairs) = (i / MaxPairs + 1, i % MaxPairs + 1);
                        all[Index(rowTiles, lastRows, columnTiles, pairs)] = Of(rowTiles, lastRows, columnTiles, pairs);
                    }
                }
            }

            return all;
        }
    }
}
