using System.Runtime.CompilerServices;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Backends;

/// <summary>
/// The contract on this machine's processor. One caller at a time; operations return when they are done.
/// An operation allocates nothing on the managed heap: scratch memory grows to the largest call and is kept.
/// </summary>
public sealed unsafe partial class CpuBackend : Backend
{
    /// <summary>From this size on a tensor is allocated only where so much memory is free: the system would grant it and end the process later.</summary>
    private const long LargeTensorBytes = 64 << 20;

    /// <summary>Elements of a block of element-wise work.</summary>
    private const int BlockElements = 16384;

    private readonly KernelSet _kernels;
    private readonly WorkerPool _pool;
    private readonly DotProducts _dots;
    private readonly MatrixProduct _product;
    private readonly ScratchMemory _scratch = new();
    private readonly ScratchMemory _branch = new();

    private CpuBackend(KernelSet kernels, int threads, ElementType activationType)
    {
        _kernels = kernels;
        ActivationType = activationType;
        _pool = new WorkerPool(threads);
        _dots = new DotProducts(kernels.VectorMath, kernels.StoredDots, _pool);
        _product = new MatrixProduct(kernels.Product, kernels.Packer, _dots, _pool);
        _pairs = new PairProduct(kernels.Pairs, new PairPacker(kernels.Packer, kernels.Conversion, kernels.VectorMath), kernels.Conversion, kernels.Dropout, kernels.VectorMath, _pool);
        _attention = new PairAttentionForward(kernels, _pool);
        _attentionBackward = new PairAttentionBackward(kernels, _pool);
        Name = $"cpu/{kernels.Name}";
    }

    public override string Name { get; }

    public override ElementType ActivationType { get; }

    /// <summary>Whether products of BF16 are faster here than those of F32, by the kernels that <see cref="Create"/> takes unasked.</summary>
    public static bool AcceleratesBFloat16 => KernelSet.Choose(Environment.GetEnvironmentVariable("FINETUNE_KERNELS")).Pairs.IsAccelerated;

    /// <summary>Names of the kernels that this machine can run, slowest first.</summary>
    public static IReadOnlyList<string> AvailableKernels => [.. KernelSet.All.Where(set => set.IsAvailable).Select(set => set.Name)];

    public override int Threads => _pool.Threads;

    /// <param name="threads">0 = one for each core.</param>
    /// <param name="kernels">
    /// <c>portable</c>, <c>avx2</c>, <c>avx512</c>, <c>avx512bf16</c>, <c>amx</c> or <c>scalar</c>; null takes the environment variable FINETUNE_KERNELS, else the best of this machine.
    /// </param>
    /// <param name="activationType">F32 or BF16; see <see cref="Backend.ActivationType"/>.</param>
    /// <exception cref="FineTuneException">FT2003: unknown kernels, or kernels that this machine cannot run.</exception>
    public static CpuBackend Create(int threads = 0, string? kernels = null, ElementType activationType = ElementType.F32)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        if (activationType is not (ElementType.F32 or ElementType.BF16))
        {
            throw new ArgumentException($"Activations are F32 or BF16, not {activationType}.", nameof(activationType));
        }

        KernelSet set = KernelSet.Choose(kernels ?? Environment.GetEnvironmentVariable("FINETUNE_KERNELS"));
        return new CpuBackend(set, threads == 0 ? Environment.ProcessorCount : threads, activationType);
    }

    /// <exception cref="FineTuneException">FT2002: the machine does not have that much memory.</exception>
    public override Tensor Allocate(Shape shape, ElementType type = ElementType.F32)
    {
        long free = MachineMemory.TotalBytes, bytes = long.MaxValue;
        try
        {
            bytes = type.Bytes(shape.Count);
            free = bytes >= LargeTensorBytes ? MachineMemory.FreeBytes() : free;
            if (bytes <= free)
            {
                var buffer = new NativeBuffer(bytes);
                return new CpuTensor(shape, type, buffer.Pointer, buffer, null);
            }
        }
        catch (Exception exception) when (exception is OverflowException or OutOfMemoryException)
        {
            // Told below, like a size that the system grants but does not have.
        }

        throw new FineTuneException(
            Codes.NotEnoughMemory,
            FormattableString.Invariant($"A tensor {shape} of {bytes / 1048576.0:F0} MiB does not fit: {free / 1048576.0:F0} MiB are free."),
            "Lower MaxSeqLength or MicroBatchSize, choose a smaller or quantised base model, or use a machine with more memory.");
    }

    public override Tensor AllocatePaged(Shape shape, ElementType type, string folder)
    {
        var buffer = new PagedBuffer(folder, type.Bytes(shape.Count));
        return new CpuTensor(shape, type, buffer.Pointer, buffer, null);
    }

    public override void PageOut(Tensor tensor)
    {
        if (tensor is CpuTensor { IsPaged: true } paged)
        {
            PageAdvice.Forget(paged.Pointer, tensor.Type.Bytes(tensor.Shape));
        }
    }

    /// <exception cref="FineTuneException">FT0304: the tensor holds no weights.</exception>
    public override Tensor Load(StoredTensor stored)
    {
        WeightDecoder.Format(stored.Type);
        return new CpuTensor(stored.Shape, stored.Type, stored.Pointer, null, stored);
    }

    public override void Write(Tensor target, ReadOnlySpan<float> values, long offset = 0)
    {
        var to = (CpuTensor)target;
        Require(offset >= 0 && offset <= to.Count - values.Length, nameof(Write), target.Shape, values.Length);
        if (target.Type == ElementType.BF16)
        {
            fixed (float* from = values)
            {
                _kernels.Conversion.Narrow(from, to.Narrow + offset, values.Length);
            }
        }
        else
        {
            values.CopyTo(new Span<float>(to.Floats + offset, values.Length));
        }

        Keep(target);
    }

    public override void Read(Tensor source, Span<float> values, long offset = 0)
    {
        var from = (CpuTensor)source;
        Require(offset >= 0 && offset <= from.Count - values.Length, nameof(Read), source.Shape, values.Length);
        WeightMatrix matrix = Matrix(from);
        fixed (float* target = values)
        {
            for (long done = 0; done < values.Length;)
            {
                long row = (offset + done) / matrix.Columns, column = (offset + done) % matrix.Columns;
                int run = (int)Math.Min(matrix.Columns - column, values.Length - done);
                matrix.Decode(row, column, run, target + done);
                done += run;
            }
        }

        Keep(source);
    }

    public override void ReadBytes(Tensor source, Span<byte> bytes, long offset = 0)
    {
        Require(offset >= 0 && offset <= source.Type.Bytes(source.Shape) - bytes.Length, nameof(ReadBytes), source.Shape, bytes.Length);
        new ReadOnlySpan<byte>(((CpuTensor)source).Pointer + offset, bytes.Length).CopyTo(bytes);
        Keep(source);
    }

    public override void WriteBytes(Tensor target, ReadOnlySpan<byte> bytes, long offset = 0)
    {
        Require(offset >= 0 && offset <= target.Type.Bytes(target.Shape) - bytes.Length, nameof(WriteBytes), target.Shape, bytes.Length);
        bytes.CopyTo(new Span<byte>(((CpuTensor)target).Pointer + offset, bytes.Length));
        Keep(target);
    }

    public override void Dispose()
    {
        _pool.Dispose();
        _dots.Dispose();
        _product.Dispose();
        _pairs.Dispose();
        _attention.Dispose();
        _attentionBackward.Dispose();
        _narrowed.Dispose();
        _masked.Dispose();
        _turned.Dispose();
        _scratch.Dispose();
        _branch.Dispose();
        _prepared.Dispose();
        _tiles.Dispose();
    }

    private static WeightMatrix Matrix(CpuTensor tensor) => new(tensor.Pointer, tensor.Type, tensor.Shape.Rows, tensor.Shape.Columns);

    private static float* Floats(Tensor tensor) => ((CpuTensor)tensor).Floats;

    private static int Rows(Tensor tensor) => checked((int)tensor.Shape.Rows);

    private static int Columns(Tensor tensor) => checked((int)tensor.Shape.Columns);

    private static int Blocks(long count, int size) => checked((int)((count + size - 1) / size));

    /// <summary>Rows of a block of row-wise work: about <see cref="BlockElements"/> elements.</summary>
    private static int RowsPerBlock(long columns) => (int)Math.Clamp(BlockElements / Math.Max(columns, 1), 1, 1024);

    private static void Require(bool condition, string operation, Shape first, Shape second)
    {
        if (!condition)
        {
            throw new ArgumentException($"{operation}: operands of shapes {first} and {second} do not fit together.");
        }
    }

    private static void Require(bool condition, string operation, Shape first, params ReadOnlySpan<long> second)
    {
        if (!condition)
        {
            Require(condition, operation, first, new Shape(second));
        }
    }

    private static bool HasShape(Tensor tensor, long rows, long columns) => tensor.Shape.Rank == 2 && tensor.Shape[0] == rows && tensor.Shape[1] == columns;

    private static void RequireSame(string operation, Tensor first, Tensor second) =>
        Require(first.Shape == second.Shape, operation, first.Shape, second.Shape);

    /// <summary>Keeps the memory of operands from being freed by a finaliser while their addresses are in use.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Keep(object? a, object? b = null, object? c = null, object? d = null, object? e = null, object? f = null)
    {
        GC.KeepAlive(a);
        GC.KeepAlive(b);
        GC.KeepAlive(c);
        GC.KeepAlive(d);
        GC.KeepAlive(e);
        GC.KeepAlive(f);
    }
}
