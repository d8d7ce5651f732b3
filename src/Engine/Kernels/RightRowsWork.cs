using System.Runtime.CompilerServices;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>A product of few left rows with BF16 rows as they lie, by blocks of columns: see <see cref="PairKernel.MultiplyRows"/>.</summary>
internal unsafe struct RightRowsWork : IWork
{
    private const int MaxRows = 64;

    public PairKernel Kernel;
    public BFloat16Kernel Conversion;
    public PairTarget Target;
    public PairTerm Term;
    public int Rows;

    public static bool Fits(PairKernel kernel, in PairTarget target, int rows, int columns, in PairTerm term) =>
        kernel.RowColumns > 0 && columns % kernel.RowColumns == 0 && rows <= MaxRows && target.Wide is not null
        && !term.RightTransposed && term.Right.Type == ElementType.BF16 && term.Scale == 1 && term.Depth > 1;

    [SkipLocalsInit]
    public readonly void Run(int block, int worker)
    {
        int columns = Kernel.RowColumns, column = block * columns;
        float* sums = stackalloc float[Rows * columns];
        Kernel.MultiplyRows(Rows, new PanelRun
        {
            Left = Term.Left + Term.Start,
            LeftStep = Term.LeftStep * sizeof(ushort),
            RightRows = Term.Right.NarrowRow(Term.Start) + column,
            RightStep = Term.Right.Columns * sizeof(ushort),
            Pairs = Term.Depth / 2,
            Sums = sums,
            SumsStep = columns * sizeof(float),
        });
        ushort* last = Term.Right.NarrowRow(Term.Start + Term.Depth - 1) + column;
        for (long row = 0; row < Rows && Term.Depth % 2 > 0; row++)
        {
            float left = BF16Format.Widen(Term.Left[row * Term.LeftStep + Term.Start + Term.Depth - 1]);
            for (int n = 0; n < columns; n++)
            {
                sums[row * columns + n] += left * BF16Format.Widen(last[n]);
            }
        }

        float* bias = Target.Bias is null ? null : Target.Bias + column;
        Conversion.FinishWide(sums, columns, Rows, columns, bias, Target.Accumulate, Target.Wide + column, Target.Step);
    }
}
