using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Generation;
using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Tests.Generation;

public class SamplerTests
{
    private static readonly SamplingSettings Plain = new() { Temperature = 1, TopP = 1 };

    [Fact]
    public void Greedy_takes_the_largest_and_the_lowest_id_among_equals()
    {
        Assert.Equal(1, Next(SamplingSettings.Greedy, [0, 3, 1, 3]));
    }

    [Fact]
    public void Draws_follow_the_softmax()
    {
        // Logits of probabilities 0.1, 0.2, 0.3, 0.4.
        float[] logits = [.. new[] { 0.1, 0.2, 0.3, 0.4 }.Select(p => (float)Math.Log(p) + 5)];
        int[] counts = Counts(Plain, logits, 20_000);
        for (int id = 0; id < 4; id++)
        {
            // Four standard deviations of a binomial share.
            double expected = (id + 1) / 10.0, tolerance = 4 * Math.Sqrt(expected * (1 - expected) / 20_000);
            Assert.InRange(counts[id] / 20_000.0, expected - tolerance, expected + tolerance);
        }
    }

    [Fact]
    public void A_higher_temperature_flattens_and_a_lower_one_sharpens()
    {
        float[] logits = [0, 1];
        double cold = Counts(Plain with { Temperature = 0.5 }, logits, 4000)[1] / 4000.0;
        double hot = Counts(Plain with { Temperature = 4 }, logits, 4000)[1] / 4000.0;
        Assert.Equal(1 / (1 + Math.Exp(-2)), cold, 0.04);
        Assert.Equal(1 / (1 + Math.Exp(-0.25)), hot, 0.04);
    }

    [Fact]
    public void TopK_keeps_the_k_likeliest_and_those_that_tie_with_the_last()
    {
        Assert.Equal([1, 3], Kept(Plain with { TopK = 2 }, [0, 2, 1, 3]));
        Assert.Equal([1, 2, 3], Kept(Plain with { TopK = 2 }, [0, 2, 2, 3]));
        Assert.Equal([0, 1, 2, 3], Kept(Plain with { TopK = 9 }, [0, 2, 2, 3]));
    }

    [Theory]
    [InlineData(0.39, new[] { 3 })]
    [InlineData(0.41, new[] { 2, 3 })]
    [InlineData(0.69, new[] { 2, 3 })]
    [InlineData(0.71, new[] { 1, 2, 3 })]
    [InlineData(0.95, new[] { 0, 1, 2, 3 })]
    [InlineData(1e-17, new[] { 3 })]
    public void TopP_keeps_the_smallest_likeliest_set_that_exceeds_p(double topP, int[] kept)
    {
        float[] logits = [.. new[] { 0.1, 0.2, 0.3, 0.4 }.Select(p => (float)Math.Log(p))];
        Assert.Equal(kept, Kept(Plain with { TopP = topP }, logits));
    }

    [Fact]
    public void TopP_of_equal_tokens_keeps_the_lowest_ids()
    {
        Assert.Equal([0, 1], Kept(Plain with { TopP = 0.45 }, [1, 1, 1, 1]));
        Assert.Equal([0], Kept(Plain with { TopP = 1e-17 }, [1, 1, 1, 1]));
    }

    [Fact]
    public void TopP_sees_only_what_topK_left()
    {
        // 0.3 and 0.4 of what k = 2 leaves are 0.43 and 0.57, so p = 0.5 needs only the likeliest.
        float[] logits = [.. new[] { 0.1, 0.2, 0.3, 0.4 }.Select(p => (float)Math.Log(p))];
        Assert.Equal([3], Kept(Plain with { TopK = 2, TopP = 0.5 }, logits));
    }

    [Fact]
    public void MinP_drops_what_is_less_likely_than_a_share_of_the_likeliest()
    {
        float[] logits = [.. new[] { 0.1, 0.2, 0.3, 0.4 }.Select(p => (float)Math.Log(p))];
        Assert.Equal([2, 3], Kept(Plain with { MinP = 0.6 }, logits));
        Assert.Equal([3], Kept(Plain with { MinP = 1 }, logits));
    }

    [Fact]
    public void The_repetition_penalty_divides_positive_and_multiplies_negative_scores_once()
    {
        SamplingSettings penalised = SamplingSettings.Greedy with { RepetitionPenalty = 2 };
        Assert.Equal(1, Next(penalised, [3, 2, -1], previous: [0, 0, 0]));
        Assert.Equal(0, Next(penalised, [3, 1, -1], previous: [0, 0, 0]));
        Assert.Equal(1, Next(penalised, [-1, -1.5f], previous: [0]));
    }

    [Fact]
    public void Ids_outside_the_vocabulary_are_not_penalised()
    {
        Assert.Equal(1, Next(SamplingSettings.Greedy with { RepetitionPenalty = 2 }, [1, 2], previous: [-1, 7]));
    }

    [Fact]
    public void The_same_seed_and_stream_repeat_and_another_differs()
    {
        float[] logits = new float[64];
        int[] Draws(ulong seed, ulong stream) => [.. Enumerable.Range(0, 32).Select(draw => new Sampler(Plain with { Seed = seed }, stream).Next([.. logits], [], draw))];
        Assert.Equal(Draws(1, 0), Draws(1, 0));
        Assert.NotEqual(Draws(1, 0), Draws(2, 0));
        Assert.NotEqual(Draws(1, 0), Draws(1, 1));
    }

    [Fact]
    public void The_largest_logit_is_found_anywhere_the_lowest_id_among_equals_and_a_missing_number_everywhere()
    {
        foreach (int count in (int[])[1, 7, 16, 37, 64])
        {
            for (int id = 0; id < count; id++)
            {
                float[] logits = [.. Enumerable.Range(0, count).Select(i => i == id ? -1f : -2f - i % 3)];
                Assert.Equal(id, Sampler.ArgMax(logits));
                logits[count - 1] = -1;
                Assert.Equal(id, Sampler.ArgMax(logits));
                logits[id] = float.NaN;
                Assert.Equal(Codes.LogitsNotFinite, Assert.Throws<FineTuneException>(() => Sampler.ArgMax(logits)).Diagnostic.Code);
            }
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Scores_that_are_not_numbers_are_FT1005(float wrong)
    {
        var exception = Assert.Throws<FineTuneException>(() => Next(Plain, [0, wrong, 1]));
        Assert.Equal(Codes.LogitsNotFinite, exception.Diagnostic.Code);
    }

    [Fact]
    public void A_token_ruled_out_by_minus_infinity_is_never_drawn()
    {
        Assert.Equal([0, 2], Kept(Plain, [0, float.NegativeInfinity, 0]));
    }

    [Theory]
    [InlineData(-1, 1, 0, 1)]
    [InlineData(double.NaN, 1, 0, 1)]
    [InlineData(1, 0, 0, 1)]
    [InlineData(1, 1.5, 0, 1)]
    [InlineData(1, 1, 2, 1)]
    [InlineData(1, 1, 0, 0)]
    public void A_setting_outside_its_limits_is_FT0001(double temperature, double topP, double minP, double penalty)
    {
        var settings = new SamplingSettings { Temperature = temperature, TopP = topP, MinP = minP, RepetitionPenalty = penalty };
        Assert.Equal(Codes.BadSetting, Assert.Throws<FineTuneException>(() => new Sampler(settings)).Diagnostic.Code);
    }

    [Fact]
    public void The_defaults_are_those_of_the_project_file()
    {
        var settings = new SamplingSettings();
        Assert.Equal(
            (Default("Temperature"), Default("TopP"), Default("TopK"), Default("MinP"), Default("RepetitionPenalty"), Default("MaxNewTokens"), Default("Seed")),
            (settings.Temperature, settings.TopP, settings.TopK, settings.MinP, settings.RepetitionPenalty, settings.MaxNewTokens, settings.Seed));
    }

    private static double Default(string name) => SettingNumbers.Number(SettingTable.Find(name)!.DefaultFor("lora"))!.Value;

    private static int Next(SamplingSettings settings, float[] logits, int[]? previous = null) => new Sampler(settings).Next([.. logits], previous ?? [], 0);

    private static int[] Counts(SamplingSettings settings, float[] logits, int draws)
    {
        var sampler = new Sampler(settings);
        int[] counts = new int[logits.Length];
        for (int draw = 0; draw < draws; draw++)
        {
            counts[sampler.Next([.. logits], [], draw)]++;
        }

        return counts;
    }

    private static int[] Kept(SamplingSettings settings, float[] logits)
    {
        int[] counts = Counts(settings, logits, 2000);
        return [.. Enumerable.Range(0, counts.Length).Where(id => counts[id] > 0)];
    }
}
