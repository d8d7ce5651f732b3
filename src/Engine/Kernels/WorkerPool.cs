using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Threads of the engine's own that run the blocks of one piece of work together with the caller, and wait for the next
/// by spinning a little and then sleeping. One piece of work at a time: the pool belongs to one caller.
/// </summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    /// <summary>Spins before sleeping: some tens of microseconds, longer than the gaps between two operations of a layer.</summary>
    private const int SpinsBeforeSleep = 2000;

    private readonly object _gate = new();
    private readonly Thread[] _threads;
    private volatile int _generation;
    private volatile bool _stopping;
    private int _sleepers;
    private int _running;
    private int _nextBlock;
    private int _blocks;
    private void* _work;
    private delegate*<void*, int, int, void> _runBlock;
    private ExceptionDispatchInfo? _failure;

    public WorkerPool(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Threads = threads;
        _threads = new Thread[threads - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            int worker = i + 1;
            _threads[i] = new Thread(() => Serve(worker)) { IsBackground = true, Name = $"finetune worker {worker}" };
            _threads[i].Start();
        }
    }

    public int Threads { get; }

    /// <summary>
    /// Runs blocks 0 … blocks-1 and returns when all are done. The first exception of a block is thrown again here; blocks not yet begun are then left out.
    /// </summary>
    public void Run<TWork>(int blocks, TWork work)
        where TWork : struct, IWork
    {
        if (_threads.Length == 0 || blocks <= 1)
        {
            for (int block = 0; block < blocks; block++)
            {
                work.Run(block, 0);
            }

            return;
        }

        ObjectDisposedException.ThrowIf(_stopping, this);
        // The work lives in this frame, which outlives the barrier below; the threads read it through its address.
        _work = Unsafe.AsPointer(ref work);
        _runBlock = &RunBlock<TWork>;
        _blocks = blocks;
        _nextBlock = 0;
        _running = _threads.Length;
        Interlocked.Increment(ref _generation);
        if (Volatile.Read(ref _sleepers) > 0)
        {
            lock (_gate)
            {
                Monitor.PulseAll(_gate);
            }
        }

        TakeBlocks(0);
        var spinner = new SpinWait();
        while (Volatile.Read(ref _running) != 0)
        {
            spinner.SpinOnce(sleep1Threshold: -1);
        }

        ExceptionDispatchInfo? failure = _failure;
        _failure = null;
        failure?.Throw();
    }

    public void Dispose()
    {
        _stopping = true;
        lock (_gate)
        {
            Monitor.PulseAll(_gate);
        }

        foreach (Thread thread in _threads)
        {
            thread.Join();
        }
    }

    private static void RunBlock<TWork>(void* work, int block, int worker)
        where TWork : struct, IWork => Unsafe.AsRef<TWork>(work).Run(block, worker);

    private void Serve(int worker)
    {
        int seen = 0;
        while (WaitForWork(seen))
        {
            seen = _generation;
            TakeBlocks(worker);
            Interlocked.Decrement(ref _running);
        }
    }

    private bool WaitForWork(int seen)
    {
        for (int spin = 0; spin < SpinsBeforeSleep; spin++)
        {
            if (_generation != seen || _stopping)
            {
                return !_stopping;
            }

            Thread.SpinWait(8);
        }

        lock (_gate)
        {
            Interlocked.Increment(ref _sleepers);
            while (_generation == seen && !_stopping)
            {
                Monitor.Wait(_gate);
            }

            Interlocked.Decrement(ref _sleepers);
        }

        return !_stopping;
    }

    private void TakeBlocks(int worker)
    {
        try
        {
            int block;
            while ((block = Interlocked.Increment(ref _nextBlock) - 1) < _blocks)
            {
                _runBlock(_work, block, worker);
            }
        }
        catch (Exception exception)
        {
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(exception), null);
            Volatile.Write(ref _nextBlock, _blocks);
        }
    }
}
