using FineTuneTool.Engine.Models;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Models;

public class RotaryFrequenciesTests
{
    [Theory]
    [InlineData("llama")]
    [InlineData("llama3-rope")]
    [InlineData("llama-bias")]
    public void Frequencies_equal_the_reference(string name) => Check(name);

    [SharedTheory("goldens/models/tiny")]
    [InlineData("llama-linear")]
    [InlineData("llama-dynamic")]
    [InlineData("llama-yarn")]
    [InlineData("llama-v5style")]
    [InlineData("qwen3")]
    [InlineData("gemma")]
    [InlineData("phi3")]
    [InlineData("phi3-partial")]
    [InlineData("phi3-longrope")]
    public void Frequencies_of_further_types_equal_the_reference(string name) => Check(name);

    [Fact]
    public void Dynamic_frequencies_slow_down_only_beyond_the_original_length()
    {
        var rope = new RopeParameters { RopeType = RopeType.Dynamic, Factor = 2, OriginalMaxPositionEmbeddings = 24 };
        float[] plain = RotaryFrequencies.Compute(new RopeParameters(), 16, 0).Inverse;
        Assert.Equal(plain, RotaryFrequencies.Compute(rope, 16, 24).Inverse);
        float[] longer = RotaryFrequencies.Compute(rope, 16, 48).Inverse;
        Assert.Equal(plain[0], longer[0]);

        // θ' = θ·(2·2 − 1)^(16/14), and the last frequency is θ'^(−14/16) = θ^(−14/16) / 3.
        Assert.Equal(plain[^1] / 3, longer[^1], 1e-8f);
    }

    [SharedFact("goldens/models/tiny/gemma3_text")]
    public void Local_and_global_layers_of_Gemma_3_have_their_own_frequencies()
    {
        using var golden = new ModelGolden("tiny/gemma3_text");
        DecoderSpec spec = golden.Load().Spec;
        foreach ((int layer, string kind) in new[] { (0, "sliding_attention"), (1, "sliding_attention"), (2, "full_attention"), (3, "sliding_attention") })
        {
            float[] expected = golden.Tensor(golden.TensorNames.Single(name => name.StartsWith("buffers.", StringComparison.Ordinal) && name.EndsWith($"{kind}_inv_freq", StringComparison.Ordinal)));
            ModelGolden.Near(expected, RotaryFrequencies.Compute(spec.RopeOf(layer), spec.RotaryDims, 1).Inverse, 3e-7, kind);
        }
    }

    [Fact]
    public void Longrope_divides_by_its_short_factors_up_to_the_original_length()
    {
        var rope = new RopeParameters { RopeType = RopeType.LongRope, Factor = 4, OriginalMaxPositionEmbeddings = 16, ShortFactor = [1, 2], LongFactor = [3, 8] };
        float[] plain = RotaryFrequencies.Compute(new RopeParameters(), 4, 0).Inverse;
        Assert.Equal([plain[0], plain[1] / 2], RotaryFrequencies.Compute(rope, 4, 16).Inverse);
        RotaryFrequencies longer = RotaryFrequencies.Compute(rope, 4, 17);
        Assert.Equal([1 / 3f, plain[1] / 8], longer.Inverse);
        Assert.Equal(Math.Sqrt(1 + Math.Log(4) / Math.Log(16)), longer.Magnitude, 1e-6);
        Assert.Equal(1.5f, RotaryFrequencies.Compute(rope with { AttentionFactor = 1.5 }, 4, 17).Magnitude);
    }

    [Fact]
    public void Divisors_of_a_GGUF_file_stand_for_llama3()
    {
        var rope = new RopeParameters { RopeType = RopeType.Llama3, RopeTheta = 5e5, Factor = 8, OriginalMaxPositionEmbeddings = 32 };
        float[] plain = RotaryFrequencies.Compute(new RopeParameters { RopeTheta = 5e5 }, 16, 0).Inverse, scaled = RotaryFrequencies.Compute(rope, 16, 0).Inverse;
        float[] divisors = [.. plain.Zip(scaled, (a, b) => a / b)];
        Assert.Equal(1, divisors[0]);
        Assert.Equal(8, divisors[^1], 1e-5f);
        ModelGolden.Near(scaled, RotaryFrequencies.Compute(new RopeParameters { RopeTheta = 5e5, Divisors = divisors }, 16, 0).Inverse, 1e-9, "divided");
    }

    private static void Check(string name)
    {
        using var golden = new ModelGolden($"tiny/{name}");
        Decoder decoder = golden.Load();
        RotaryFrequencies frequencies = RotaryFrequencies.Compute(decoder.Spec.Rope, decoder.Spec.RotaryDims, 1);
        float[] expected = golden.Tensor(golden.TensorNames.Single(tensor => tensor.StartsWith("buffers.", StringComparison.Ordinal)));
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.InRange(frequencies.Inverse[i] / expected[i], 1 - 3e-7f, 1 + 3e-7f);
        }

        double scaling = golden.Expected.GetProperty("rope_attention_scaling").GetProperty("attention_scaling").GetDouble();
        Assert.Equal(scaling, frequencies.Magnitude, 1e-6);
    }
}
