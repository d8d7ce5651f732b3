using System.Runtime.Intrinsics.X86;

namespace FineTuneTool.Engine.Kernels;

/// <summary>Brings BF16 rows of one head into the orders in which a <see cref="PairKernel"/> reads its operands.</summary>
internal sealed unsafe class PairPanels(PanelPacker packer, BFloat16Kernel conversion)
{
    /// <summary>Columns of the panel of <see cref="RowPairs"/> that begins there.</summary>
    public static int Width(int columns, int at) => Math.Min(PairKernel.MaxWidth, Padded(columns) - at);

    /// <summary>Columns of all panels of <see cref="RowPairs"/>.</summary>
    public static int Padded(int columns) => (columns + PairKernel.Lane - 1) / PairKernel.Lane * PairKernel.Lane;

    /// <summary>Rows that hold whole pairs: themselves, or where columns are odd a copy (rows, columns + 1) that ends with zeros.</summary>
    public static ushort* Even(ushort* source, ref long step, int rows, int columns, ushort* copy)
    {
        if (columns % 2 == 0)
        {
            return source;
        }

        for (int row = 0; row < rows; row++)
        {
            new ReadOnlySpan<ushort>(source + row * step, columns).CopyTo(new Span<ushort>(copy + (long)row * (columns + 1), columns));
            copy[(long)row * (columns + 1) + columns] = 0;
        }

        step = columns + 1;
        return copy;
    }

    /// <summary>Tells the cache about rows that are read soon: far apart as they are, it does not foresee them.</summary>
    public static void Prefetch(ushort* source, long step, int rows, int columns)
    {
        const int LineNumbers = 32;
        for (int row = 0; row < rows && Sse.IsSupported; row++, source += step)
        {
            for (int column = 0; column < columns; column += LineNumbers)
            {
                Sse.Prefetch0(source + column);
            }
        }
    }

    /// <summary>Where that pair lies in the panel that begins with that column.</summary>
    public static uint* PairsAt(uint* target, int columns, int column, long panelPairs, int pair) =>
        target + column * panelPairs + pair * Width(columns, column);

    /// <summary>Each row becomes a column of its pairs: panels [pair of columns][width rows], missing rows zero. copy: width·(columns + 1).</summary>
    public void ColumnPairs(ushort* source, long step, int rows, int columns, uint* target, int width, ushort* copy)
    {
        int pairs = (columns + 1) / 2;
        for (int row = 0; row < rows; row += width, target += pairs * width)
        {
            // Pairs are moved as if they were single precision numbers: only their bits count.
            int count = Math.Min(width, rows - row);
            long evenStep = step;
            ushort* even = Even(source + row * step, ref evenStep, count, columns, copy);
            packer.Transpose((float*)even, evenStep / 2, count, pairs, (float*)target, width);
        }
    }

    /// <summary>Two rows become one row of pairs: panels [pair of rows][columns], panelPairs pairs each, from that pair on. zeros: columns.</summary>
    public void RowPairs(ushort* source, long step, int rows, int columns, uint* target, long panelPairs, int firstPair, ushort* zeros)
    {
        for (int row = 0; row < rows; row += 2)
        {
            ushort* even = source + row * step, odd = row + 1 < rows ? even + step : zeros;
            for (int at = 0; at < columns; at += PairKernel.MaxWidth)
            {
                int width = Width(columns, at), count = Math.Min(width, columns - at);
                uint* pairs = PairsAt(target, columns, at, panelPairs, firstPair + row / 2);
                conversion.Interleave(even + at, odd + at, pairs, count);
                new Span<uint>(pairs + count, width - count).Clear();
            }
        }
    }

    /// <summary>target (columns, width) = the transpose, missing rows zero. scratch: width/2·columns.</summary>
    public void Turn(ushort* source, long step, int rows, int columns, ushort* target, int width, uint* scratch, ushort* zeros)
    {
        for (int row = 0; row < rows; row += 2)
        {
            ushort* even = source + row * step;
            conversion.Interleave(even, row + 1 < rows ? even + step : zeros, scratch + row / 2 * columns, columns);
        }

        packer.Transpose((float*)scratch, columns, (rows + 1) / 2, columns, (float*)target, width / 2);
    }
}
