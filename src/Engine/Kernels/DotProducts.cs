namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Products of a few rows with a transposed right operand, as in generating text: each stored row is read and decoded once,
/// into the first-level cache, and multiplied with every left row. Bound by reading the weights.
/// </summary>
internal sealed unsafe class DotProducts(VectorMathKernel math, WorkerPool pool) : IDisposable
{
    /// <summary>With more rows than this the packed product is faster.</summary>
    public const int MaxRows = 8;

    private readonly ScratchMemory _decoded = new();

    public static bool Fits(int rows, ReadOnlySpan<ProductTerm> terms)
    {
        foreach (ref readonly ProductTerm term in terms)
        {
            if (rows > MaxRows || !term.RightTransposed || term.LeftTransposed || term.LeftMask.IsActive || term.RightMask.IsActive)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>As <see cref="MatrixProduct.Multiply"/>.</summary>
    public void Multiply(float* c, long step, int rows, int columns, bool accumulate, float* bias, ReadOnlySpan<ProductTerm> terms)
    {
        long longest = 0;
        foreach (ref readonly ProductTerm term in terms)
        {
            longest = Math.Max(longest, term.Right.IsFloat ? 0 : term.Depth);
        }

        int perBlock = Math.Clamp(columns / (pool.Threads * 4), 8, 64);
        fixed (ProductTerm* first = terms)
        {
            pool.Run((columns + perBlock - 1) / perBlock, new Work
            {
                Math = math,
                C = c,
                Step = step,
                Rows = rows,
                Columns = columns,
                PerBlock = perBlock,
                Accumulate = accumulate,
                Bias = bias,
                Terms = first,
                TermCount = terms.Length,
                Decoded = _decoded.Floats(longest * pool.Threads),
                DecodedPerWorker = longest,
            });
        }
    }

    public void Dispose() => _decoded.Dispose();

    private struct Work : IWork
    {
        public VectorMathKernel Math;
        public float* C, Bias, Decoded;
        public long Step, DecodedPerWorker;
        public int Rows, Columns, PerBlock, TermCount;
        public bool Accumulate;
        public ProductTerm* Terms;

        public readonly void Run(int block, int worker)
        {
            float* sums = stackalloc float[MaxRows];
            for (int n = block * PerBlock; n < System.Math.Min(Columns, (block + 1) * PerBlock); n++)
            {
                for (int m = 0; m < Rows; m++)
                {
                    sums[m] = (Accumulate ? C[m * Step + n] : 0) + (Bias is null ? 0 : Bias[n]);
                }

                for (int i = 0; i < TermCount; i++)
                {
                    ref readonly ProductTerm term = ref Terms[i];
                    float* row = Decoded + worker * DecodedPerWorker;
                    if (term.Right.IsFloat)
                    {
                        row = term.Right.FloatRow(n);
                    }
                    else
                    {
                        term.Right.Decode(n, 0, term.Depth, row);
                    }

                    for (int m = 0; m < Rows; m++)
                    {
                        sums[m] += term.Scale * Math.Dot(term.Left + m * term.LeftStride, row, term.Depth);
                    }
                }

                for (int m = 0; m < Rows; m++)
                {
                    C[m * Step + n] = sums[m];
                }
            }
        }
    }
}
