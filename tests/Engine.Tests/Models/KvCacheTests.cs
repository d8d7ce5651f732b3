using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Tests.Models;

public class KvCacheTests
{
    private const float Tolerance = 1e-4f;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(700)]
    public void Tokens_appended_in_pieces_give_the_logits_of_the_whole(int piece)
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        int[] ids = Ids(700);
        float[] expected = LastLogits(decoder, ids), actual = new float[37];
        using KvCache cache = decoder.CreateCache(ids.Length);
        for (int first = 0; first < ids.Length; first += piece)
        {
            decoder.Append(cache, ids.AsSpan(first, Math.Min(piece, ids.Length - first)), actual);
        }

        Assert.Equal(700, cache.Length);
        ModelGolden.Near(expected, actual, Tolerance, "logits of the last token");
    }

    [Fact]
    public void A_truncated_cache_goes_on_as_if_the_rest_had_never_been()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        int[] ids = Ids(30);
        float[] actual = new float[37];
        using KvCache cache = decoder.CreateCache(64);
        decoder.Append(cache, ids.AsSpan(0, 20), actual);
        decoder.Append(cache, [3, 4, 5], actual);
        cache.Truncate(20);
        decoder.Append(cache, ids.AsSpan(20), actual);
        ModelGolden.Near(LastLogits(decoder, ids), actual, Tolerance, "after truncation");

        cache.Reset();
        decoder.Append(cache, ids, actual);
        ModelGolden.Near(LastLogits(decoder, ids), actual, Tolerance, "after reset");
    }

    [Fact]
    public void A_full_cache_takes_no_more()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        float[] logits = new float[37];
        using KvCache cache = decoder.CreateCache(5);
        decoder.Append(cache, [1, 2, 3, 4], logits);
        Assert.Throws<InvalidOperationException>(() => decoder.Append(cache, [1, 2], logits));
        Assert.Equal(4, cache.Length);
        decoder.Append(cache, [5], logits);
        Assert.Equal(5, cache.Length);
    }

    private static int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(i => i * i % 37)];

    private static float[] LastLogits(Decoder decoder, int[] ids)
    {
        float[] logits = new float[37];
        decoder.Logits(PackedBatch.FromExamples(new TokenizedExample(ids, ids)), [ids.Length - 1], logits);
        return logits;
    }
}
