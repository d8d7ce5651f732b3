namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Brings operands of a matrix product into the order in which a <see cref="MicroKernel"/> reads them. A left panel holds
/// MicroKernel.Rows rows as [k][row], a right panel MicroKernel.Columns columns as [k][column]; missing rows and columns are zero.
/// </summary>
internal abstract unsafe class PanelPacker(DropoutKernel dropout, VectorMathKernel math)
{
    /// <summary>target[k·width + i] = source[i·stride + k] for i &lt; count, 0 up to width.</summary>
    public abstract void Transpose(float* source, long stride, int count, int depth, float* target, int width);

    /// <summary>target[k·width + i] = source[k·stride + i] for i &lt; count, 0 up to width.</summary>
    public abstract void Copy(float* source, long stride, int count, int depth, float* target, int width);

    /// <summary>One left panel: rows first … first+count-1 at depths k0 … k0+depth-1. scratch: max(width, 1)·depth floats where masked.</summary>
    public void PackLeft(in ProductTerm term, long first, int count, int k0, int depth, float* target, int width, float* scratch)
    {
        if (term.LeftTransposed)
        {
            Copy(term.Left + k0 * term.LeftStride + first, term.LeftStride, count, depth, target, width);
        }
        else if (term.LeftMask.IsActive)
        {
            for (int i = 0; i < count; i++)
            {
                float* run = scratch + (long)i * depth;
                new ReadOnlySpan<float>(term.Left + (first + i) * term.LeftStride + k0, depth).CopyTo(new Span<float>(run, depth));
                dropout.Apply(term.LeftMask, term.LeftMask.Index(first + i, k0), run, depth);
            }

            Transpose(scratch, depth, count, depth, target, width);
        }
        else
        {
            Transpose(term.Left + first * term.LeftStride + k0, term.LeftStride, count, depth, target, width);
        }

        if (term.Scale != 1)
        {
            math.Scale(target, term.Scale, (long)depth * width);
        }
    }

    /// <summary>
    /// Right panels for columns first … first+count-1 at depths k0 … k0+depth-1, one after another, each depth·width floats.
    /// scratch: max(count, depth·width) floats.
    /// </summary>
    public void PackRight(in ProductTerm term, long first, int count, int k0, int depth, float* target, int width, float* scratch)
    {
        if (term.RightTransposed)
        {
            for (int at = 0; at < count; at += width, target += depth * width)
            {
                PackRightRows(term, first + at, Math.Min(width, count - at), k0, depth, target, width, scratch);
            }

            return;
        }

        if (term.Right.IsFloat && !term.RightMask.IsActive)
        {
            for (int at = 0; at < count; at += width, target += depth * width)
            {
                Copy(term.Right.FloatRow(k0) + first + at, term.Right.Columns, Math.Min(width, count - at), depth, target, width);
            }

            return;
        }

        int rowsAtOnce = Math.Max(depth * width / count, 1);
        for (int k = 0; k < depth; k += rowsAtOnce)
        {
            int rows = Math.Min(rowsAtOnce, depth - k);
            for (int row = 0; row < rows; row++)
            {
                float* run = scratch + (long)row * count;
                term.Right.Decode(k0 + k + row, first, count, run);
                if (term.RightMask.IsActive)
                {
                    dropout.Apply(term.RightMask, term.RightMask.Index(k0 + k + row, first), run, count);
                }
            }

            for (int at = 0; at < count; at += width)
            {
                Copy(scratch + at, count, Math.Min(width, count - at), rows, target + (long)at * depth + k * width, width);
            }
        }
    }

    private void PackRightRows(in ProductTerm term, long first, int count, int k0, int depth, float* target, int width, float* scratch)
    {
        if (term.Right.IsFloat)
        {
            Transpose(term.Right.FloatRow(first) + k0, term.Right.Columns, count, depth, target, width);
            return;
        }

        for (int n = 0; n < count; n++)
        {
            term.Right.Decode(first + n, k0, depth, scratch + (long)n * depth);
        }

        Transpose(scratch, depth, count, depth, target, width);
    }
}
