using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Exports;

/// <summary>Whether the description that was written computes what the model does.</summary>
internal static class SpecDifference
{
    /// <summary>What the two do not have in common, in words; null where they compute the same.</summary>
    public static string? Between(DecoderSpec model, DecoderSpec written)
    {
        if ((model.QueryKeyValueBias, model.OutputBias, model.MlpBias) != (written.QueryKeyValueBias, written.OutputBias, written.MlpBias))
        {
            return "biases on layers that the family has without";
        }

        IEnumerable<int> layers = Enumerable.Range(0, model.NumHiddenLayers);
        if (layers.Any(layer => model.WindowOf(layer) != written.WindowOf(layer)))
        {
            return "sliding windows on layers that the family has without";
        }

        if (layers.Any(layer => Frequencies(model, layer).Zip(Frequencies(written, layer)).Any(pair => Math.Abs(pair.First - pair.Second) > 1e-5 * pair.First)))
        {
            return "rotary frequencies that no scaling of Hugging Face gives";
        }

        DecoderSpec alike = written with { SlidingWindows = model.SlidingWindows, Rope = model.Rope, LocalRope = model.LocalRope };
        return alike == model ? null : "parts that the family does not have";
    }

    /// <summary>Frequencies and magnitude of short and of long documents.</summary>
    private static IEnumerable<double> Frequencies(DecoderSpec spec, int layer) => new[] { 1, spec.MaxPositionEmbeddings }.SelectMany(length =>
    {
        RotaryFrequencies frequencies = RotaryFrequencies.Compute(spec.RopeOf(layer), spec.RotaryDims, length);
        return frequencies.Inverse.Select(value => (double)value).Append(frequencies.Magnitude);
    });
}
