using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Backends;

/// <summary>Rows of row-wise work by blocks, and the tiles through which each thread sees BF16 rows.</summary>
internal unsafe struct RowBlocks
{
    public long Rows;
    public int Columns, PerBlock;

    /// <summary>TilesPerWorker tiles of PerBlock rows for each thread.</summary>
    public float* Tiles;
    public int TilesPerWorker;

    public readonly long First(int block) => (long)block * PerBlock;

    public readonly long Count(int block) => Math.Min(PerBlock, Rows - First(block));

    public readonly float* Tile(int worker, int number) => Tiles + ((long)worker * TilesPerWorker + number) * PerBlock * Columns;
}

internal unsafe struct EmbedWork : IWork
{
    public RowBlocks Blocks;
    public VectorMathKernel Kernel;
    public int* Ids;
    public WeightMatrix Table;
    public float Scale;
    public Activations Y;

    public readonly void Run(int block, int worker)
    {
        int columns = Blocks.Columns;
        long first = Blocks.First(block), count = Blocks.Count(block);
        float* y = Y.Place(first * columns, Blocks.Tile(worker, 0));
        for (long i = 0; i < count; i++)
        {
            Table.Decode(Ids[first + i], 0, columns, y + i * columns);
        }

        if (Scale != 1)
        {
            Kernel.Scale(y, Scale, count * columns);
        }

        Y.Write(first * columns, count * columns, y);
    }
}

internal unsafe struct NoiseWork : IWork
{
    public RowBlocks Blocks;
    public float* Magnitudes;
    public CounterRandom Random;
    public Activations X;

    public readonly void Run(int block, int worker)
    {
        int columns = Blocks.Columns;
        for (long row = Blocks.First(block); row < Blocks.First(block) + Blocks.Count(block); row++)
        {
            float magnitude = Magnitudes[row];
            if (magnitude != 0)
            {
                long at = row * columns;
                float* x = X.Read(at, columns, Blocks.Tile(worker, 0));
                for (int i = 0; i < columns; i++)
                {
                    x[i] += (2 * Random.Uniform((ulong)(at + i)) - 1) * magnitude;
                }

                X.Write(at, columns, x);
            }
        }
    }
}

/// <summary>Y row = X[rows[row]], or, with Scatter, X[rows[row]] += Y row.</summary>
internal unsafe struct GatherWork : IWork
{
    public RowBlocks Blocks;
    public VectorMathKernel Kernel;
    public int* Indices;
    public bool Scatter;
    public Activations X, Y;

    public readonly void Run(int block, int worker)
    {
        int columns = Blocks.Columns;
        for (long row = Blocks.First(block); row < Blocks.First(block) + Blocks.Count(block); row++)
        {
            long at = (long)Indices[row] * columns;
            float* x = X.Read(at, columns, Blocks.Tile(worker, 0));
            if (Scatter)
            {
                Kernel.Add(x, Y.Read(row * columns, columns, Blocks.Tile(worker, 1)), 1, columns);
                X.Write(at, columns, x);
            }
            else
            {
                float* y = Y.Place(row * columns, Blocks.Tile(worker, 1));
                new ReadOnlySpan<float>(x, columns).CopyTo(new Span<float>(y, columns));
                Y.Write(row * columns, columns, y);
            }
        }
    }
}

/// <summary>Columns of rows, copied as bytes.</summary>
internal unsafe struct CopyColumnsWork : IWork
{
    public byte* Source, Target;
    public long SourceStep, TargetStep;
    public int Bytes, Rows, PerBlock;

    public readonly void Run(int block, int worker)
    {
        long first = (long)block * PerBlock;
        for (long row = first; row < Math.Min(first + PerBlock, Rows); row++)
        {
            new ReadOnlySpan<byte>(Source + row * SourceStep, Bytes).CopyTo(new Span<byte>(Target + row * TargetStep, Bytes));
        }
    }
}

internal unsafe struct RmsNormWork : IWork
{
    public RowBlocks Blocks;
    public RmsNormKernel Kernel;
    public VectorMathKernel VectorMath;
    public Activations X, Y, Addend;
    public bool HasAddend;
    public float* Weight, InverseRms;
    public float Offset, Epsilon;

    public readonly void Run(int block, int worker)
    {
        long row = Blocks.First(block), rows = Blocks.Count(block), at = row * Blocks.Columns, count = rows * Blocks.Columns;
        float* x = X.Read(at, count, Blocks.Tile(worker, 0));
        float* normed = HasAddend ? Blocks.Tile(worker, 1) : Y.Place(at, Blocks.Tile(worker, 1));
        Kernel.Forward(x, Weight, Offset, Epsilon, normed, InverseRms + row, rows, Blocks.Columns);
        if (!HasAddend)
        {
            Y.Write(at, count, normed);
            return;
        }

        float* addend = Addend.Read(at, count, Blocks.Tile(worker, 2)), y = Y.Place(at, Blocks.Tile(worker, 2));
        if (y != addend)
        {
            new ReadOnlySpan<float>(addend, (int)count).CopyTo(new Span<float>(y, (int)count));
        }

        VectorMath.Add(y, normed, 1, count);
        Y.Write(at, count, y);
    }
}

internal unsafe struct RmsNormBackwardWork : IWork
{
    public RowBlocks Blocks;
    public RmsNormKernel Kernel;
    public Activations Dy, X, Dx;
    public float* Weight, InverseRms;
    public float Offset;

    public readonly void Run(int block, int worker)
    {
        long row = Blocks.First(block), rows = Blocks.Count(block), at = row * Blocks.Columns, count = rows * Blocks.Columns;
        float* dy = Dy.Read(at, count, Blocks.Tile(worker, 0)), x = X.Read(at, count, Blocks.Tile(worker, 1));
        float* dx = Dx.Read(at, count, Blocks.Tile(worker, 2));
        Kernel.Backward(dy, x, Weight, Offset, InverseRms + row, dx, rows, Blocks.Columns);
        Dx.Write(at, count, dx);
    }
}

/// <summary>The weight's gradient by blocks of columns; dy and x F32.</summary>
internal unsafe struct RmsNormWeightWork : IWork
{
    public const int ColumnsPerBlock = 64;

    public RmsNormKernel Kernel;
    public float* Dy, X, InverseRms, DWeight;
    public long Rows;
    public int Columns;

    public readonly void Run(int block, int worker)
    {
        int column = block * ColumnsPerBlock;
        Kernel.WeightGradient(Dy, X, InverseRms, DWeight, Rows, Columns, column, Math.Min(ColumnsPerBlock, Columns - column));
    }
}

internal unsafe struct RopeWork : IWork
{
    public RowBlocks Blocks;
    public RopeKernel Kernel;
    public Activations X;
    public float* Cosines, Sines;
    public int* Positions;
    public int Heads, Pairs;
    public float Direction;

    public readonly void Run(int block, int worker)
    {
        int columns = Blocks.Columns;
        long first = Blocks.First(block), count = Blocks.Count(block);
        float* x = X.Read(first * columns, count * columns, Blocks.Tile(worker, 0));
        for (long i = 0; i < count; i++)
        {
            long table = (long)Positions[first + i] * Pairs;
            Kernel.Rotate(x + i * columns, Heads, columns / Heads, Cosines + table, Sines + table, Pairs, Direction);
        }

        X.Write(first * columns, count * columns, x);
    }
}

internal unsafe struct GatedActivationWork : IWork
{
    public RowBlocks Blocks;
    public GatedActivationKernel Kernel;
    public Activation Activation;
    public Activations Gate, Up, Y;

    public readonly void Run(int block, int worker)
    {
        long at = Blocks.First(block), count = Blocks.Count(block);
        float* gate = Gate.Read(at, count, Blocks.Tile(worker, 0)), up = Up.Read(at, count, Blocks.Tile(worker, 1));
        float* y = Y.Place(at, Blocks.Tile(worker, 2));
        switch (Activation)
        {
            case Activation.Silu:
                Kernel.Silu(gate, up, y, count);
                break;
            case Activation.GeluTanh:
                Kernel.GeluTanh(gate, up, y, count);
                break;
            default:
                throw new ArgumentException($"There is no activation {Activation}.");
        }

        Y.Write(at, count, y);
    }
}

internal unsafe struct GatedActivationBackwardWork : IWork
{
    public RowBlocks Blocks;
    public GatedActivationKernel Kernel;
    public Activation Activation;
    public Activations Dy, Gate, Up, DGate, DUp;

    public readonly void Run(int block, int worker)
    {
        long at = Blocks.First(block), count = Blocks.Count(block);
        float* dy = Dy.Read(at, count, Blocks.Tile(worker, 0)), gate = Gate.Read(at, count, Blocks.Tile(worker, 1));
        float* up = Up.Read(at, count, Blocks.Tile(worker, 2));
        float* dGate = DGate.Place(at, Blocks.Tile(worker, 3)), dUp = DUp.Place(at, Blocks.Tile(worker, 4));
        switch (Activation)
        {
            case Activation.Silu:
                Kernel.SiluBackward(dy, gate, up, dGate, dUp, count);
                break;
            case Activation.GeluTanh:
                Kernel.GeluTanhBackward(dy, gate, up, dGate, dUp, count);
                break;
            default:
                throw new ArgumentException($"There is no activation {Activation}.");
        }

        DGate.Write(at, count, dGate);
        DUp.Write(at, count, dUp);
    }
}
