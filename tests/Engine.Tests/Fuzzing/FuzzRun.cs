using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Fuzzing;

/// <summary>
/// Gives a reader ten thousand damaged inputs. Each must end in a correct read or in a coded refusal: no other exception, no allocation beyond ten
/// times the input, no hang. The same inputs every time; one that fails is kept in a file that the failure names.
/// </summary>
internal sealed class FuzzRun(params byte[][] seeds)
{
    /// <summary>Far above what any input needs, since the machine may be busy: this guards against hangs and measures nothing.</summary>
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(20);

    /// <summary>Allocations that do not depend on the input: objects, and buffers of fixed size.</summary>
    public long AllowanceBytes { get; init; } = 512 << 10;

    /// <summary>How many times the input's bytes may be allocated besides.</summary>
    public int Times { get; init; } = 10;

    public int Count { get; init; } = 10_000;

    /// <summary>Seeds are texts, so that they are also damaged by words.</summary>
    public bool IsText { get; init; }

    /// <summary>What words nest in, for texts.</summary>
    public IReadOnlyList<(string Open, string Close)> Openings { get; init; } = [("[", "]"), ("{\"a\":", "}"), ("(", ")"), ("\"", "\"")];

    /// <summary>Makes inputs by a rule, where there are no seeds to damage.</summary>
    public Func<FuzzRandom, byte[]>? Make { get; init; }

    /// <summary>Refusals besides the coded one, for parts that a coded reader wraps.</summary>
    public Func<Exception, bool> IsRefusal { get; init; } = static exception => exception is FineTuneException;

    /// <summary>Reads inputs from a file of a name with the extension that the reader goes by.</summary>
    public void Files(string name, Action<string> read)
    {
        using TemporaryFolder folder = TemporaryFolder.InMemory();
        string path = folder[name];
        Run(bytes => File.WriteAllBytes(path, bytes), _ => read(path));
    }

    /// <summary>Reads inputs from memory.</summary>
    public void Bytes(Action<byte[]> read) => Run(static _ => { }, read);

    private void Run(Action<byte[]> prepare, Action<byte[]> read)
    {
        var state = new State();
        var worker = new Thread(() => Work(prepare, read, state)) { IsBackground = true, Name = "fuzz" };
        worker.Start();
        for (int seen = -1; !worker.Join(Hang); seen = state.Input)
        {
            if (seen == state.Input)
            {
                throw Kept($"hangs the reader for {Hang.TotalSeconds} seconds", state, null);
            }
        }

        if (state.Failure is { } failure)
        {
            throw failure;
        }

        // Damage that is always seen, or never, damages nothing worth reading.
        Assert.InRange(state.Refused, 1, Count - 1);
    }

    private void Work(Action<byte[]> prepare, Action<byte[]> read, State state)
    {
        for (int i = 0; i < Count && state.Failure is null; i++)
        {
            byte[] bytes = Input(i);
            prepare(bytes);
            (state.Bytes, state.Input) = (bytes, i);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                read(bytes);
            }
            catch (Exception exception) when (IsRefusal(exception))
            {
                state.Refused++;
            }
            catch (Exception exception)
            {
                state.Failure = Kept($"fails with {exception.GetType().Name}: {exception.Message}", state, exception);
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (allocated > (Times * (long)bytes.Length) + AllowanceBytes)
            {
                state.Failure ??= Kept($"of {bytes.Length} bytes makes the reader allocate {allocated}", state, null);
            }
        }
    }

    /// <summary>The damaged input of a number.</summary>
    private byte[] Input(int number)
    {
        var random = new FuzzRandom(number);
        if (Make is not null)
        {
            return Make(random);
        }

        byte[] seed = seeds[number % seeds.Length];
        return IsText && random.Below(2) == 0 ? TextMutator.Mutate(seed, random.Of(seeds), Openings, random) : ByteMutator.Mutate(seed, random);
    }

    private static Xunit.Sdk.XunitException Kept(string problem, State state, Exception? inner)
    {
        string path = Path.Combine(Path.GetTempPath(), $"fuzz-{Guid.NewGuid():N}");
        File.WriteAllBytes(path, state.Bytes);
        return new Xunit.Sdk.XunitException($"Input {state.Input} (kept as {path}) {problem}{Environment.NewLine}{inner?.StackTrace}");
    }

    private sealed class State
    {
        private volatile int _input;

        public byte[] Bytes { get; set; } = [];

        public int Input
        {
            get => _input;
            set => _input = value;
        }

        public int Refused { get; set; }

        public Exception? Failure { get; set; }
    }
}
