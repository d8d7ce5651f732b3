using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Fuzzing;

/// <summary>The random numbers of one mutated input: the same on every machine.</summary>
internal sealed class FuzzRandom(int input)
{
    private readonly CounterRandom _random = new(11, RandomPurpose.Sampling, (ulong)input);
    private uint _next;

    /// <summary>A number from 0 to below the limit; 0 for limits below 1.</summary>
    public int Below(int limit) => (int)(_random.UInt32(_next++) % (uint)Math.Max(1, limit));

    public T Of<T>(IReadOnlyList<T> items) => items[Below(items.Count)];
}
