using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Generation;

namespace FineTuneTool.Engine.Tests.Generation;

public sealed class DecoderLogitsTests(TinyDecoder tiny) : IClassFixture<TinyDecoder>
{
    /// <summary>Single tokens and whole prompts are added up in different orders.</summary>
    private const float Rounding = 1e-4f;

    [Fact]
    public void A_sequence_that_shares_a_beginning_has_the_scores_of_a_fresh_one()
    {
        using var used = new DecoderLogits(tiny.Decoder);
        Next(used, [5, 6, 7, 8, 9, 10]);
        foreach (int[] sequence in new int[][] { [5, 6, 7, 8, 9, 10, 11], [5, 6, 7, 40], [5, 6, 7, 40], [5], [90, 5, 6] })
        {
            using var fresh = new DecoderLogits(tiny.Decoder);
            Near(Next(fresh, sequence), Next(used, sequence));
        }
    }

    [Fact]
    public void A_long_prompt_has_the_scores_of_one_forward_pass()
    {
        // Longer than the parts in which a prompt is read.
        int[] ids = [.. Enumerable.Range(0, 300).Select(i => (i * 37) % 1000)];
        using var source = new DecoderLogits(tiny.Decoder);
        float[] whole = new float[source.VocabSize];
        tiny.Decoder.Logits(PackedBatch.FromExamples(new TokenizedExample(ids, ids)), [ids.Length - 1], whole);
        Near(whole, Next(source, ids));
    }

    [Fact]
    public void After_the_adapter_was_switched_and_the_cache_forgotten_the_scores_are_the_adapters()
    {
        using var source = new DecoderLogits(tiny.Decoder);
        float[] without = Next(source, [5, 6, 7]);
        tiny.Decoder.ActiveAdapter = tiny.Adapter;
        try
        {
            source.Forget();
            using var fresh = new DecoderLogits(tiny.Decoder);
            float[] with = Next(source, [5, 6, 7]);
            Near(Next(fresh, [5, 6, 7]), with);
            Assert.True(without.Zip(with).Max(pair => Math.Abs(pair.First - pair.Second)) > 0.1f);
        }
        finally
        {
            tiny.Decoder.ActiveAdapter = null;
        }
    }

    [Fact]
    public void The_context_is_at_most_the_models()
    {
        using var source = new DecoderLogits(tiny.Decoder, 100_000);
        Assert.Equal(tiny.Decoder.Spec.MaxPositionEmbeddings, source.MaxLength);
    }

    private static float[] Next(DecoderLogits source, int[] ids)
    {
        float[] logits = new float[source.VocabSize];
        source.Next(ids, logits, CancellationToken.None);
        return logits;
    }

    private static void Near(float[] expected, float[] actual) => Assert.True(expected.Zip(actual).Max(pair => Math.Abs(pair.First - pair.Second)) < Rounding);
}
