using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Products of a few rows with transposed right operands, as in generating text; several in one go where they do not depend on each other.
/// Each stored row is read once and multiplied with every left row: by the kernel of its storage, or decoded into the first-level cache.
/// </summary>
internal sealed unsafe class DotProducts(VectorMathKernel math, IReadOnlyList<StoredDotKernel> kernels, WorkerPool pool) : IDisposable
{
    /// <summary>With more rows than this the packed product is faster.</summary>
    public const int MaxRows = 8;

    /// <summary>Products of one call.</summary>
    public const int MaxProducts = 4;

    /// <summary>With more left rows it is faster to decode a stored row once than to go over its storage for each of them.</summary>
    private const int MaxFusedRows = 4;

    /// <summary>Stored rows of a block of work at most, so that the threads finish together.</summary>
    private const int MaxBlock = 256;

    /// <summary>Lanes of the widest vectors.</summary>
    private const int Unit = 16;

    private readonly StoredDotKernel?[] _kernels =
        [.. Enum.GetValues<ElementType>().Select(type => kernels.FirstOrDefault(kernel => kernel.Type == type))];

    private readonly ScratchMemory _decoded = new();
    private readonly ScratchMemory _prepared = new();

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

    /// <summary>Every product, for the same number of left rows.</summary>
    public void Multiply(int rows, ReadOnlySpan<RowProduct> products)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(products.Length, MaxProducts);
        RowProduct* own = stackalloc RowProduct[MaxProducts];
        long columns = 0, longest = 0, prepared = 0;
        for (int p = 0; p < products.Length; p++)
        {
            own[p] = products[p];
            columns += own[p].Columns;
            for (int t = 0; t < own[p].TermCount; t++)
            {
                ref readonly ProductTerm term = ref own[p].Term(t);
                longest = Math.Max(longest, Kernel(term, rows) is null ? term.Depth : 0);
                prepared += rows * PreparedFloats(term, rows);
            }
        }

        Prepare(rows, own, products.Length, _prepared.Floats(prepared));
        // Blocks begin at whole vectors, so that a row is at the same place of a vector for any number of threads.
        int perBlock = Math.Max(((int)Math.Min(columns / (pool.Threads * 4L), MaxBlock) + Unit - 1) / Unit * Unit, Unit), blocks = 0;
        for (int p = 0; p < products.Length; p++)
        {
            blocks += (own[p].Columns + perBlock - 1) / perBlock;
        }

        pool.Run(blocks, new Work
        {
            Owner = this,
            Vectors = math,
            Products = own,
            Rows = rows,
            PerBlock = perBlock,
            Decoded = _decoded.Floats(longest * pool.Threads),
            DecodedPerWorker = longest,
        });
    }

    public void Dispose()
    {
        _decoded.Dispose();
        _prepared.Dispose();
    }

    private StoredDotKernel? Kernel(in ProductTerm term, int rows) =>
        rows <= MaxFusedRows && term.Right.RowsAreWhole ? _kernels[(int)term.Right.Type] : null;

    private long PreparedFloats(in ProductTerm term, int rows) => Kernel(term, rows)?.PreparedFloats(term.Depth) ?? 0;

    /// <summary>Puts left rows into the order of the kernels that want one, and their places into the terms. Products often share them.</summary>
    private void Prepare(int rows, RowProduct* products, int count, float* memory)
    {
        ProductTerm last = default;
        float* lastPrepared = null;
        for (int p = 0; p < count; p++)
        {
            for (int t = 0; t < products[p].TermCount; t++)
            {
                ref ProductTerm term = ref products[p].Term(t);
                long floats = PreparedFloats(term, rows);
                if (floats == 0)
                {
                    continue;
                }

                if (lastPrepared is null || term.Left != last.Left || term.LeftStride != last.LeftStride || term.Depth != last.Depth || term.Right.Type != last.Right.Type)
                {
                    last = term;
                    lastPrepared = memory;
                    memory += rows * floats;
                    for (int row = 0; row < rows; row++)
                    {
                        Kernel(term, rows)!.Prepare(term.Left + row * term.LeftStride, term.Depth, lastPrepared + row * floats);
                    }
                }

                term.Left = lastPrepared;
                term.LeftStride = floats;
            }
        }
    }

    /// <summary>c row m [i] (+)= Scale · left row m · stored row first + i, c being <paramref name="step"/> floats apart.</summary>
    private void Add(in ProductTerm term, int rows, int first, int count, float* decoded, float* c, long step, bool accumulate)
    {
        StoredDotKernel? kernel = Kernel(term, rows);
        float* dots = stackalloc float[count];
        for (int m = 0; m < rows && kernel is not null; m++)
        {
            bool inPlace = !accumulate && term.Scale == 1;
            float* target = inPlace ? c + m * step : dots;
            kernel.Dots(term.Right.Row(first), term.Right.RowBytes, count, term.Left + m * term.LeftStride, term.Depth, target);
            if (!inPlace)
            {
                Clear(c + m * step, count, accumulate);
                math.Add(c + m * step, dots, term.Scale, count);
            }
        }

        for (int i = 0; i < count && kernel is null; i++)
        {
            float* row = term.Right.IsFloat ? term.Right.FloatRow(first + i) : decoded;
            if (row == decoded)
            {
                term.Right.Decode(first + i, 0, term.Depth, row);
            }

            for (int m = 0; m < rows; m++)
            {
                float before = accumulate ? c[m * step + i] : 0;
                c[m * step + i] = before + term.Scale * math.Dot(term.Left + m * term.LeftStride, row, term.Depth);
            }
        }
    }

    private static void Clear(float* target, int count, bool keep)
    {
        if (!keep)
        {
            new Span<float>(target, count).Clear();
        }
    }

    private struct Work : IWork
    {
        public DotProducts Owner;
        public VectorMathKernel Vectors;
        public RowProduct* Products;
        public float* Decoded;
        public long DecodedPerWorker;
        public int Rows, PerBlock;

        public readonly void Run(int block, int worker)
        {
            RowProduct* product = Products;
            for (int blocks; block >= (blocks = (product->Columns + PerBlock - 1) / PerBlock); product++)
            {
                block -= blocks;
            }

            int first = block * PerBlock, count = Math.Min(PerBlock, product->Columns - first);
            float* c = product->C + first;
            bool accumulate = product->Accumulate;
            for (int m = 0; m < Rows && product->Bias is not null; m++)
            {
                Clear(c + m * product->Step, count, accumulate);
                Vectors.Add(c + m * product->Step, product->Bias + first, 1, count);
            }

            accumulate |= product->Bias is not null;
            for (int t = 0; t < product->TermCount; t++)
            {
                Owner.Add(product->Term(t), Rows, first, count, Decoded + worker * DecodedPerWorker, c, product->Step, accumulate);
                accumulate = true;
            }
        }
    }
}
