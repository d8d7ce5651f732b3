using FineTuneTool.Engine.Kernels;

namespace FineTuneTool.Engine.Tests.Kernels;

public sealed class WorkerPoolTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Every_block_runs_once_whether_threads_spin_or_sleep(int threads)
    {
        using var pool = new WorkerPool(threads);
        for (int round = 0; round < 300; round++)
        {
            int[] runs = new int[round % 37];
            pool.Run(runs.Length, new Count { Runs = runs, Threads = threads });
            Assert.All(runs, count => Assert.Equal(1, count));
            if (round % 100 == 99)
            {
                // Long enough for the threads to fall asleep; nothing is measured.
                Thread.Sleep(5);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void An_exception_of_a_block_reaches_the_caller_and_the_pool_goes_on(int threads)
    {
        using var pool = new WorkerPool(threads);
        for (int round = 0; round < 20; round++)
        {
            InvalidOperationException exception = Assert.Throws<InvalidOperationException>(() => pool.Run(50, new Fail()));
            Assert.Equal("block 17", exception.Message);
            int[] runs = new int[20];
            pool.Run(20, new Count { Runs = runs, Threads = threads });
            Assert.All(runs, count => Assert.Equal(1, count));
        }
    }

    private struct Count : IWork
    {
        public int[] Runs;
        public int Threads;

        public readonly void Run(int block, int worker)
        {
            Assert.InRange(worker, 0, Threads - 1);
            Interlocked.Increment(ref Runs[block]);
        }
    }

    private struct Fail : IWork
    {
        public readonly void Run(int block, int worker)
        {
            if (block == 17)
            {
                throw new InvalidOperationException("block 17");
            }
        }
    }
}
