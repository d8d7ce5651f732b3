using System.Numerics;
using System.Runtime.CompilerServices;
using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Speed;

/// <summary>How fast all threads together read memory that no cache holds.</summary>
internal static unsafe class ReadBandwidth
{
    private const long Bytes = 256 << 20, BlockBytes = 1 << 20;

    /// <summary>Bytes per second.</summary>
    public static double Measure(int threads)
    {
        using var pool = new WorkerPool(threads);
        using var memory = new NativeBuffer(Bytes);
        return Bytes / Clock.Best(() => pool.Run((int)(Bytes / BlockBytes), new SumPiece { Source = memory.Pointer }), 0.5);
    }

    private struct SumPiece : IWork
    {
        public byte* Source;
        private float _sink;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int block, int worker)
        {
            float* from = (float*)(Source + block * BlockBytes), end = from + BlockBytes / sizeof(float);
            int width = Vector<float>.Count;
            Vector<float> a = default, b = default, c = default, d = default;
            for (; from < end; from += 4 * width)
            {
                a += Vector.Load(from);
                b += Vector.Load(from + width);
                c += Vector.Load(from + 2 * width);
                d += Vector.Load(from + 3 * width);
            }

            Volatile.Write(ref _sink, Vector.Sum(a + b + c + d));
        }
    }
}
