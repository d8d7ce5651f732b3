using FineTuneTool.Engine.Batches;

namespace FineTuneTool.Engine.Tests.Batches;

public class BatchSamplerTests
{
    private static readonly int[] Lengths = [.. Enumerable.Range(0, 101).Select(i => 1 + (i * 37 % 50))];

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void An_epoch_holds_every_example_once(bool packing, bool shuffle)
    {
        var sampler = new BatchSampler(Lengths, new BatchSamplerSettings(64, 3, packing, shuffle));
        int[] seen = [.. Enumerable.Range(0, sampler.BatchesPerEpoch).SelectMany(index => sampler.Examples(2, index))];
        Assert.Equal(Enumerable.Range(0, Lengths.Length), seen.Order());
    }

    [Fact]
    public void Seeking_gives_what_running_through_gives()
    {
        var settings = new BatchSamplerSettings(64, 2);
        var through = new BatchSampler(Lengths, settings);
        var batches = (from epoch in Enumerable.Range(0, 3)
                       from index in Enumerable.Range(0, through.BatchesPerEpoch)
                       select (epoch, index, examples: through.Examples(epoch, index))).ToList();
        Assert.All(batches.AsEnumerable().Reverse(), batch =>
            Assert.Equal(batch.examples, new BatchSampler(Lengths, settings).Examples(batch.epoch, batch.index)));
    }

    [Fact]
    public void Epochs_and_seeds_have_different_orders()
    {
        int[] first = Epoch(new BatchSamplerSettings(64, 1, SamplePacking: false), 0);
        Assert.NotEqual(first, Epoch(new BatchSamplerSettings(64, 1, SamplePacking: false), 1));
        Assert.NotEqual(first, Epoch(new BatchSamplerSettings(64, 1, SamplePacking: false, Seed: 43), 0));
    }

    [Fact]
    public void Without_packing_and_shuffling_the_order_is_that_of_the_file()
    {
        Assert.Equal(Enumerable.Range(0, Lengths.Length), Epoch(new BatchSamplerSettings(64, 4, SamplePacking: false, ShuffleData: false), 5));
    }

    [Fact]
    public void A_micro_batch_holds_the_rows_asked_for_and_the_last_one_the_rest()
    {
        var sampler = new BatchSampler(Lengths, new BatchSamplerSettings(64, 4, SamplePacking: false));
        Assert.Equal(26, sampler.BatchesPerEpoch);
        Assert.Equal(4, sampler.Examples(0, 0).Length);
        Assert.Single(sampler.Examples(0, 25));
    }

    [Fact]
    public void A_packed_batch_keeps_its_documents_apart()
    {
        TokenizedExample[] examples = [.. Lengths.Select(length => new TokenizedExample(new int[length], new int[length]))];
        var sampler = new BatchSampler(Lengths, new BatchSamplerSettings(64, 2));
        PackedBatch batch = sampler.Batch(examples, 0, 0);
        int[] chosen = sampler.Examples(0, 0);
        Assert.Equal(chosen.Sum(i => Lengths[i]), batch.Tokens);
        Assert.Equal(chosen.Length + 1, batch.DocumentStarts.Length);
        Assert.InRange(batch.Tokens, 65, 128);
    }

    private static int[] Epoch(BatchSamplerSettings settings, long epoch)
    {
        var sampler = new BatchSampler(Lengths, settings);
        return [.. Enumerable.Range(0, sampler.BatchesPerEpoch).SelectMany(index => sampler.Examples(epoch, index))];
    }
}
