using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Training;

namespace FineTuneTool.Engine.Tests.Training;

/// <summary>Made-up rows for the tiny model: a few ids that follow from their neighbours, masks of uneven length.</summary>
internal static class RunData
{
    private const int Vocabulary = 320;

    public static IReadOnlyList<TokenizedExample> Rows(int count, ulong seed = 1)
    {
        var random = new CounterRandom(seed, RandomPurpose.Sampling);
        return [.. Enumerable.Range(0, count).Select(row => Row(random, (ulong)row * 16))];
    }

    public static TrainingBatches Shuffled(int count, int microBatchSize, ulong seed = 1) =>
        new(Rows(count, seed), new BatchSamplerSettings(MaxSeqLength: 40, microBatchSize, SamplePacking: true, ShuffleData: true, Seed: 3));

    private static TokenizedExample Row(CounterRandom random, ulong at)
    {
        int length = 6 + (int)(random.UInt32(at) % 14), first = (int)(random.UInt32(at + 1) % Vocabulary);
        int stride = 1 + (int)(random.UInt32(at + 2) % 9), masked = 1 + (int)(random.UInt32(at + 3) % (uint)(length - 2));
        int[] ids = [.. Enumerable.Range(0, length).Select(i => (first + i * stride) % Vocabulary)];
        return new TokenizedExample(ids, [.. ids.Select((id, i) => i < masked ? TokenizedExample.Ignored : id)]);
    }
}
