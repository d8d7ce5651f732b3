namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Products of BF16 numbers with F32 sums: Sums (rows, width) (+)= left · right over pairs of depths, in ascending depth.
/// The sum of one output depends on its operands alone, never on rows, width or what stands beside it.
/// </summary>
internal abstract unsafe class PairKernel
{
    /// <summary>Widths of panels are multiples of this.</summary>
    public const int Lane = 16;

    /// <summary>Widest panel.</summary>
    public const int MaxWidth = 64;

    /// <summary>Whether products of BF16 are faster here than those of F32.</summary>
    public virtual bool IsAccelerated => false;

    /// <param name="rows">1 or more.</param>
    /// <param name="width">16, 32, 48 or 64.</param>

    public abstract void Multiply(int rows, int width, PanelRun run);

    /// <summary>As <see cref="Multiply(int, int, PanelRun)"/> for one left operand; steps count elements.</summary>
    public void Multiply(int rows, int width, ushort* left, long leftStep, uint* right, int pairs, float* sums, int sumsStep, bool accumulate) =>
        Multiply(rows, width, new PanelRun
        {
            Left = left,
            LeftStep = leftStep * sizeof(ushort),
            Right = right,
            Pairs = pairs,
            Sums = sums,
            SumsStep = sumsStep * sizeof(float),
            Accumulate = accumulate ? 1 : 0,
        });

    /// <summary>Columns of <see cref="MultiplyRows"/>; 0 where there is none.</summary>
    public virtual int RowColumns => 0;

    /// <summary>As <see cref="Multiply(int, int, PanelRun)"/> for <see cref="RowColumns"/> columns of right rows that are paired on the way, for few left rows: no panel is made.</summary>
    public virtual void MultiplyRows(int rows, PanelRun run) => throw new NotSupportedException();
}
