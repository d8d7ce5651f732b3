namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// The innermost piece of every matrix product: a tile of <see cref="Rows"/> × <see cref="Columns"/> sums held in registers.
/// c[i·cStep + j] = (or +=) Σ over k of a[k·aStep + i] · b[k·bStep + j], k ascending, one multiply-add each, so that a sum depends
/// on its own row and column alone and never on where the tile lies.
/// </summary>
internal abstract unsafe class MicroKernel
{
    public abstract int Rows { get; }

    public abstract int Columns { get; }

    /// <summary>A full tile; a holds Rows and b Columns readable floats at each of <paramref name="depth"/> steps.</summary>
    public abstract void Multiply(int depth, float* a, nint aStep, float* b, nint bStep, float* c, nint cStep, bool accumulate);

    /// <summary>A tile of which only the first <paramref name="rows"/> × <paramref name="columns"/> sums are written.</summary>
    public void MultiplyPart(
        int depth, float* a, nint aStep, float* b, nint bStep, float* c, nint cStep, bool accumulate, int rows, int columns)
    {
        if (rows >= Rows && columns >= Columns)
        {
            Multiply(depth, a, aStep, b, bStep, c, cStep, accumulate);
            return;
        }

        float* tile = stackalloc float[Rows * Columns];
        Multiply(depth, a, aStep, b, bStep, tile, Columns, accumulate: false);
        for (int i = 0; i < Math.Min(rows, Rows); i++)
        {
            float* from = tile + i * Columns;
            float* to = c + i * cStep;
            for (int j = 0; j < Math.Min(columns, Columns); j++)
            {
                to[j] = accumulate ? to[j] + from[j] : from[j];
            }
        }
    }
}
