using FineTuneTool.Engine.Kernels;

namespace FineTuneTool.Engine.Backends;

internal unsafe struct EmbedWork : IWork
{
    public VectorMathKernel Kernel;
    public int* Ids;
    public int Count, PerBlock;
    public WeightMatrix Table;
    public float Scale;
    public float* Y;

    public readonly void Run(int block, int worker)
    {
        int columns = (int)Table.Columns;
        for (int t = block * PerBlock; t < Math.Min(Count, (block + 1) * PerBlock); t++)
        {
            float* y = Y + (long)t * columns;
            Table.Decode(Ids[t], 0, columns, y);
            if (Scale != 1)
            {
                Kernel.Scale(y, Scale, columns);
            }
        }
    }
}

/// <summary>Forward (no Dy), backward into Y = dx, or, with DWeight, the weight's gradient by blocks of columns.</summary>
internal unsafe struct RmsNormWork : IWork
{
    public const int ColumnsPerBlock = 64;

    public RmsNormKernel Kernel;
    public float* Dy, X, Weight, Y, InverseRms, DWeight;
    public float Offset, Epsilon;
    public long Rows;
    public int Columns, PerBlock;

    public readonly void Run(int block, int worker)
    {
        if (DWeight is not null)
        {
            int column = block * ColumnsPerBlock;
            Kernel.WeightGradient(Dy, X, InverseRms, DWeight, Rows, Columns, column, Math.Min(ColumnsPerBlock, Columns - column));
            return;
        }

        long row = (long)block * PerBlock, count = Math.Min(PerBlock, Rows - row), at = row * Columns;
        if (Dy is null)
        {
            Kernel.Forward(X + at, Weight, Offset, Epsilon, Y + at, InverseRms + row, count, Columns);
        }
        else
        {
            Kernel.Backward(Dy + at, X + at, Weight, Offset, InverseRms + row, Y + at, count, Columns);
        }
    }
}

internal unsafe struct RopeWork : IWork
{
    public RopeKernel Kernel;
    public float* X, Cosines, Sines;
    public int* Positions;
    public int Heads, Columns, Count, PerBlock, Pairs;
    public float Direction;

    public readonly void Run(int block, int worker)
    {
        for (int t = block * PerBlock; t < Math.Min(Count, (block + 1) * PerBlock); t++)
        {
            long table = (long)Positions[t] * Pairs;
            Kernel.Rotate(X + (long)t * Columns, Heads, Columns / Heads, Cosines + table, Sines + table, Pairs, Direction);
        }
    }
}

internal unsafe struct GatedActivationWork : IWork
{
    private const int BlockElements = 16384;

    public GatedActivationKernel Kernel;
    public Activation Activation;
    public float* Gate, Up, Y, Dy, DGate, DUp;
    public long Count;

    public readonly void Run(int block, int worker)
    {
        long at = (long)block * BlockElements, count = Math.Min(BlockElements, Count - at);
        switch (Activation, Dy is null)
        {
            case (Activation.Silu, true):
                Kernel.Silu(Gate + at, Up + at, Y + at, count);
                break;
            case (Activation.Silu, false):
                Kernel.SiluBackward(Dy + at, Gate + at, Up + at, DGate + at, DUp + at, count);
                break;
            case (Activation.GeluTanh, true):
                Kernel.GeluTanh(Gate + at, Up + at, Y + at, count);
                break;
            case (Activation.GeluTanh, false):
                Kernel.GeluTanhBackward(Dy + at, Gate + at, Up + at, DGate + at, DUp + at, count);
                break;
            default:
                throw new ArgumentException($"There is no activation {Activation}.");
        }
    }
}
