using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Models;

/// <summary>What holds for every family, at odd sizes: threads, activations in BF16, the cache.</summary>
public class FamilyTests
{
    [Theory]
    [MemberData(nameof(TinyFamilies.Names), MemberType = typeof(TinyFamilies))]
    public void Two_threads_give_the_same_bits_as_one(string family)
    {
        (BatchLoss oneLoss, float[] one) = Step(family, 1, ElementType.F32);
        (BatchLoss twoLoss, float[] two) = Step(family, 2, ElementType.F32);
        Assert.Equal(oneLoss, twoLoss);
        Assert.Equal(one, two);
    }

    [Theory]
    [MemberData(nameof(TinyFamilies.Names), MemberType = typeof(TinyFamilies))]
    public void Activations_in_BF16_give_nearly_the_same_loss_and_gradients(string family)
    {
        (BatchLoss wideLoss, float[] wide) = Step(family, 2, ElementType.F32);
        (BatchLoss narrowLoss, float[] narrow) = Step(family, 2, ElementType.BF16);
        Assert.InRange(narrowLoss.LossSum, 0.99 * wideLoss.LossSum, 1.01 * wideLoss.LossSum);
        double difference = Math.Sqrt(wide.Zip(narrow, (a, b) => (a - b) * (double)(a - b)).Sum()), norm = Math.Sqrt(wide.Sum(a => a * (double)a));

        // Numbers of 8 significant bits, in models whose gradients are large and steep; wrong maths is off by about 1.
        Assert.InRange(difference / norm, 1e-6, 0.15);
    }

    /// <summary>Pieces of one token, of several, and of more than are passed on at once; documents grow past the length at which longrope changes.</summary>
    [Theory]
    [MemberData(nameof(TinyFamilies.Names), MemberType = typeof(TinyFamilies))]
    public void Tokens_appended_in_pieces_give_the_logits_of_the_whole(string family)
    {
        using var model = new TinyModel(family: family);
        Decoder decoder = model.Load();
        foreach ((int count, int piece) in ((int, int)[])[(30, 1), (40, 7), (700, 700)])
        {
            int[] ids = [.. Enumerable.Range(0, count).Select(i => i * i % 37)];
            float[] expected = new float[37], actual = new float[37];
            decoder.Logits(PackedBatch.FromExamples(new TokenizedExample(ids, ids)), [count - 1], expected);
            using KvCache cache = decoder.CreateCache(count);
            for (int first = 0; first < count; first += piece)
            {
                decoder.Append(cache, ids.AsSpan(first, Math.Min(piece, count - first)), actual);
            }

            Assert.Equal(count, cache.Length);
            ModelGolden.Near(expected, actual, 2e-4, $"{count} tokens, {piece} at a time");
        }
    }

    [Fact]
    public void A_cache_that_is_cut_below_the_length_of_longrope_begins_with_the_short_factors_again()
    {
        using var model = new TinyModel(family: "phi3");
        Decoder decoder = model.Load();
        int[] ids = [.. Enumerable.Range(0, 20).Select(i => i * 5 % 37)];
        float[] expected = new float[37], actual = new float[37];
        using KvCache cache = decoder.CreateCache(20);
        decoder.Append(cache, ids, actual);
        cache.Truncate(6);
        decoder.Append(cache, ids.AsSpan(6, 3), actual);
        decoder.Logits(PackedBatch.FromExamples(new TokenizedExample(ids[..9], ids[..9])), [8], expected);
        ModelGolden.Near(expected, actual, 1e-4, "after the cut");
    }

    private static (BatchLoss Loss, float[] Gradients) Step(string family, int threads, ElementType type)
    {
        using var model = new TinyModel(family: family);
        Decoder decoder = model.Load(threads, type);
        decoder.TrainAllWeights();
        BatchLoss loss = decoder.ForwardBackward(TinyModel.Batch(), 0, 0);
        float[] gradients = new float[decoder.Trainable.Count];
        decoder.Trainable.ReadGradients(gradients);
        return (loss, gradients);
    }
}
