using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Exports;

/// <summary>The F32 tensors of a GGUF file that state what rotary frequencies are divided by: llama3's, or longrope's two.</summary>
internal static class RopeFactors
{
    /// <summary>Those of a model's GGUF file, or made from its description; none for most.</summary>
    public static IReadOnlyList<TensorSource> Of(ModelFiles files, DecoderSpec spec)
    {
        if (files is GgufModelFiles)
        {
            return [.. new[] { GgufRopeReader.Divisors, GgufRopeReader.LongFactor, GgufRopeReader.ShortFactor }
                .Select(files.Find).OfType<StoredTensor>().Select(stored => TensorSource.Of(stored))];
        }

        return spec.Rope.RopeType switch
        {
            RopeType.Llama3 => [Source(GgufRopeReader.Divisors, RopeDivisors.Llama3(spec.Rope, spec.RotaryDims))],
            RopeType.LongRope => [Source(GgufRopeReader.LongFactor, spec.Rope.LongFactor!), Source(GgufRopeReader.ShortFactor, spec.Rope.ShortFactor!)],
            _ => [],
        };
    }

    private static TensorSource Source(string name, IReadOnlyList<float> factors) =>
        TensorSource.Of(StoredTensor.FromFloats(name, new Shape(factors.Count), [.. factors]));
}
