using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Brings right operands in any storage into the panels of a <see cref="PairKernel"/>: [pair][column], missing columns and depths zero.
/// </summary>
internal sealed unsafe class PairPacker(PanelPacker panels, BFloat16Kernel conversion, VectorMathKernel math)
{
    /// <summary>Depths of a stored row that are brought into order at the same time; 64 rows of it stay in the first-level cache. A multiple of every block size.</summary>
    private const int RunDepth = 256;

    /// <summary>Floats of scratch that are needed for that many columns.</summary>
    public static long ScratchFloats(int columns) => Math.Max((PairKernel.MaxWidth / 2 + 1) * RunDepth, 2L * columns);

    /// <summary>
    /// Panels of width columns, one after another and each width·panelPairs pairs, for columns first … first+count-1 at depths start … start+depth-1 of the term.
    /// </summary>
    public void Pack(in PairTerm term, int first, int count, int start, int depth, uint* target, int width, long panelPairs, float* scratch)
    {
        for (int at = 0; at < count && term.RightTransposed; at += width, target += width * panelPairs)
        {
            PackTransposed(term, first + at, Math.Min(width, count - at), start, depth, target, width, scratch);
        }

        if (!term.RightTransposed)
        {
            PackNatural(term, first, count, start, depth, target, width, panelPairs, scratch);
        }
    }

    private void PackTransposed(in PairTerm term, int first, int count, int start, int depth, uint* target, int width, float* scratch)
    {
        // Pairs are moved as if they were single precision numbers: only their bits count.
        bool isNarrow = IsNarrow(term);
        for (int k = 0; k < depth; k += RunDepth, target += RunDepth / 2 * width)
        {
            int run = Math.Min(RunDepth, depth - k), pairs = (run + 1) / 2;
            if (isNarrow && run % 2 == 0 && term.Right.Columns % 2 == 0)
            {
                panels.Transpose((float*)(term.Right.NarrowRow(first) + start + k), term.Right.Columns / 2, count, pairs, (float*)target, width);
                continue;
            }

            ushort* narrow = (ushort*)(scratch + RunDepth);
            for (int i = 0; i < count; i++)
            {
                ushort* row = narrow + i * RunDepth;
                row[2 * pairs - 1] = 0;
                if (isNarrow)
                {
                    new ReadOnlySpan<ushort>(term.Right.NarrowRow(first + i) + start + k, run).CopyTo(new Span<ushort>(row, run));
                    continue;
                }

                DecodeRun(term, first + i, start + k, run, scratch);
                conversion.Narrow(scratch, row, run);
            }

            panels.Transpose((float*)narrow, RunDepth / 2, count, pairs, (float*)target, width);
        }
    }

    private void PackNatural(
        in PairTerm term, int first, int count, int start, int depth, uint* target, int width, long panelPairs, float* scratch)
    {
        if (IsNarrow(term))
        {
            InterleaveRows(term, first, count, start, depth, target, width, panelPairs, scratch);
            return;
        }

        float* even = scratch, odd = scratch + count;
        for (int k = 0; k < depth; k += 2)
        {
            DecodeRun(term, start + k, first, count, even);
            if (k + 1 < depth)
            {
                DecodeRun(term, start + k + 1, first, count, odd);
            }
            else
            {
                new Span<float>(odd, count).Clear();
            }

            Interleave(even, odd, count, target + k / 2 * width, width, panelPairs);
        }
    }

    /// <summary>BF16 rows panel by panel; the row without a partner at the end of an odd depth goes with zeros.</summary>
    private void InterleaveRows(
        in PairTerm term, int first, int count, int start, int depth, uint* target, int width, long panelPairs, float* scratch)
    {
        for (int at = 0; at < count; at += width)
        {
            ushort* rows = term.Right.NarrowRow(start) + first + at;
            conversion.InterleaveRows(rows, term.Right.Columns, depth / 2, Math.Min(width, count - at), target + at / width * panelPairs * width, width);
        }

        if (depth % 2 > 0)
        {
            conversion.Widen(term.Right.NarrowRow(start + depth - 1) + first, scratch, count);
            new Span<float>(scratch + count, count).Clear();
            Interleave(scratch, scratch + count, count, target + depth / 2 * width, width, panelPairs);
        }
    }

    /// <summary>One pair of rows into the same place of every panel.</summary>
    private void Interleave(float* even, float* odd, int count, uint* target, int width, long panelPairs)
    {
        for (int at = 0; at < count; at += width, target += panelPairs * width)
        {
            int columns = Math.Min(width, count - at);
            conversion.Interleave(even + at, odd + at, target, columns);
            new Span<uint>(target + columns, width - columns).Clear();
        }
    }

    /// <summary>Whether the stored bits are those of the panel.</summary>
    private static bool IsNarrow(in PairTerm term) => term.Right.Type == ElementType.BF16 && term.Scale == 1;

    private void DecodeRun(in PairTerm term, long row, long column, int count, float* target)
    {
        term.Right.Decode(row, column, count, target);
        if (term.Scale != 1)
        {
            math.Scale(target, term.Scale, count);
        }
    }
}
