using BenchmarkDotNet.Attributes;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Benchmarks;

/// <summary>Examples of 16 to 2,048 tokens, short ones more often, packed into rows of 2,048; and a packed batch laid out.</summary>
public class PackingBenchmarks
{
    private const int MaxSeqLength = 2048;

    private int[] _lengths = null!;
    private TokenizedExample[] _examples = null!;

    [Params(1_000, 100_000)]
    public int Examples { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var random = new CounterRandom(1, RandomPurpose.Shuffle);
        _lengths = [.. Enumerable.Range(0, Examples).Select(i => 16 + (int)((MaxSeqLength - 16) * MathF.Pow(random.Uniform((ulong)i), 3)))];
        _examples = [.. _lengths.Take(100).Select(length => new TokenizedExample(new int[length], new int[length]))];
    }

    [Benchmark]
    public int BestFitDecreasing() => Packer.BestFitDecreasing(_lengths, MaxSeqLength).Length;

    [Benchmark]
    public int BatchOfHundred() => PackedBatch.FromExamples(_examples).Tokens;
}
