using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Backends;

/// <summary>Element-wise operations.</summary>
public sealed unsafe partial class CpuBackend
{
    public override void Zero(Tensor target) => CopyBytes(null, target);

    public override void Copy(Tensor source, Tensor target)
    {
        RequireSame(nameof(Copy), source, target);
        Require(source.Type == target.Type, nameof(Copy), source.Shape, target.Shape);
        CopyBytes(source, target);
    }

    private void CopyBytes(Tensor? source, Tensor target)
    {
        byte* from = source is null ? null : ((CpuTensor)source).Pointer;
        long bytes = target.Type.Bytes(target.Shape.Count);
        _pool.Run(Blocks(bytes, CopyWork.BlockBytes), new CopyWork { Target = ((CpuTensor)target).Pointer, Source = from, Bytes = bytes });
        Keep(source, target);
    }

    public override void Add(Tensor target, Tensor source, float factor = 1)
    {
        RequireSame(nameof(Add), target, source);
        _pool.Run(
            Blocks(target.Shape.Count, BlockElements),
            new AddWork { Kernel = _kernels.VectorMath, Target = Floats(target), Source = Floats(source), Factor = factor, Count = target.Shape.Count });
        Keep(target, source);
    }

    public override void Scale(Tensor target, float factor)
    {
        _pool.Run(
            Blocks(target.Shape.Count, BlockElements),
            new AddWork { Kernel = _kernels.VectorMath, Target = Floats(target), Factor = factor, Count = target.Shape.Count });
        Keep(target);
    }

    public override void SoftCap(Tensor target, float cap)
    {
        _pool.Run(
            Blocks(target.Shape.Count, BlockElements),
            new SoftCapWork { Kernel = _kernels.VectorMath, Target = Floats(target), Cap = cap, Count = target.Shape.Count });
        Keep(target);
    }

    public override double SumOfSquares(Tensor x)
    {
        int blocks = Blocks(x.Shape.Count, BlockElements);
        var sums = (double*)_scratch.Floats(2L * blocks);
        _pool.Run(blocks, new SumOfSquaresWork { Kernel = _kernels.VectorMath, Source = Floats(x), Count = x.Shape.Count, Sums = sums });
        double sum = 0;
        for (int block = 0; block < blocks; block++)
        {
            sum += sums[block];
        }

        Keep(x);
        return sum;
    }

    private static long BlockLength(long start, long count) => Math.Min(BlockElements, count - start);

    private struct CopyWork : IWork
    {
        public const int BlockBytes = 65536;

        public byte* Target, Source;
        public long Bytes;

        public readonly void Run(int block, int worker)
        {
            long start = (long)block * BlockBytes;
            var target = new Span<byte>(Target + start, (int)Math.Min(BlockBytes, Bytes - start));
            if (Source is null)
            {
                target.Clear();
            }
            else
            {
                new ReadOnlySpan<byte>(Source + start, target.Length).CopyTo(target);
            }
        }
    }

    private struct AddWork : IWork
    {
        public VectorMathKernel Kernel;
        public float* Target, Source;
        public float Factor;
        public long Count;

        public readonly void Run(int block, int worker)
        {
            long start = (long)block * BlockElements;
            if (Source is null)
            {
                Kernel.Scale(Target + start, Factor, BlockLength(start, Count));
            }
            else
            {
                Kernel.Add(Target + start, Source + start, Factor, BlockLength(start, Count));
            }
        }
    }

    private struct SoftCapWork : IWork
    {
        public VectorMathKernel Kernel;
        public float* Target;
        public float Cap;
        public long Count;

        public readonly void Run(int block, int worker)
        {
            long start = (long)block * BlockElements;
            Kernel.SoftCap(Target + start, Cap, BlockLength(start, Count));
        }
    }

    private struct SumOfSquaresWork : IWork
    {
        public VectorMathKernel Kernel;
        public float* Source;
        public long Count;
        public double* Sums;

        public readonly void Run(int block, int worker)
        {
            long start = (long)block * BlockElements;
            Sums[block] = Kernel.SumOfSquares(Source + start, BlockLength(start, Count));
        }
    }
}
