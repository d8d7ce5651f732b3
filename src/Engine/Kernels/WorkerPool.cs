using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Threads of the engine's own that run the blocks of one piece of work together with the caller, and wait for the next
/// by spinning a little and then sleeping. One piece of work at a time: the pool belongs to one caller.
/// The caller never waits for a thread that has not begun: on a busy machine a thread without a core misses the work and nothing else.
/// </summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    /// <summary>
    /// Looks before a thread sleeps, about 100 µs: longer than the gaps between two operations of a layer. Counted, not timed, since the
    /// time that a thread spends without a core says nothing about the caller.
    /// </summary>
    private const int Looks = 1000;

    /// <summary>Set in <see cref="_ticket"/> while threads may join the work.</summary>
    private const long Open = 1L << 31;

    private const long ActiveMask = Open - 1;

    private readonly object _gate = new();
    private readonly Thread[] _threads;

    /// <summary>Number of the work (upper half), <see cref="Open"/>, and how many threads have joined it and not left.</summary>
    private long _ticket;
    private volatile bool _stopping;
    private int _sleepers;
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
        ObjectDisposedException.ThrowIf(_stopping, this);
        if (_threads.Length == 0 || blocks <= 1)
        {
            for (int block = 0; block < blocks; block++)
            {
                work.Run(block, 0);
            }

            return;
        }

        // The work lives in this frame, which outlives the barrier below; the threads read it through its address.
        _work = Unsafe.AsPointer(ref work);
        _runBlock = &RunBlock<TWork>;
        _blocks = blocks;
        _nextBlock = 0;
        Interlocked.Exchange(ref _ticket, ((_ticket >> 32) + 1) << 32 | Open);
        if (Volatile.Read(ref _sleepers) > 0)
        {
            lock (_gate)
            {
                Monitor.PulseAll(_gate);
            }
        }

        TakeBlocks(0);
        Interlocked.And(ref _ticket, ~Open);
        var spinner = new SpinWait();
        while ((Volatile.Read(ref _ticket) & ActiveMask) != 0)
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
        long seen = 0;
        while (!_stopping)
        {
            long ticket = WaitForTicket(seen);
            if ((ticket & Open) != 0 && Interlocked.CompareExchange(ref _ticket, ticket + 1, ticket) != ticket)
            {
                continue;
            }

            seen = ticket >> 32;
            if ((ticket & Open) != 0)
            {
                TakeBlocks(worker);
                Interlocked.Decrement(ref _ticket);
            }
        }
    }

    /// <summary>The ticket of a work other than the one seen; any ticket when stopping.</summary>
    private long WaitForTicket(long seen)
    {
        for (int look = 0; look < Looks; look++)
        {
            long ticket = Volatile.Read(ref _ticket);
            if (ticket >> 32 != seen || _stopping)
            {
                return _stopping ? 0 : ticket;
            }

            Thread.SpinWait(4);
        }

        lock (_gate)
        {
            Interlocked.Increment(ref _sleepers);
            while (Volatile.Read(ref _ticket) >> 32 == seen && !_stopping)
            {
                Monitor.Wait(_gate);
            }

            Interlocked.Decrement(ref _sleepers);
        }

        return _stopping ? 0 : Volatile.Read(ref _ticket);
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
