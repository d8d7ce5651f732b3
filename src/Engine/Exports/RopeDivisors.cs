using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Exports;

/// <summary>
/// The tensor <c>rope_freqs.weight</c>: what each rotary frequency is divided by under Llama 3's scaling, in the float arithmetic of llama.cpp's converter.
/// </summary>
internal static class RopeDivisors
{
    public const string TensorName = "rope_freqs.weight";

    /// <summary>The tensor that belongs to a model: that of its GGUF file, or one made from llama3 scaling; null for all others.</summary>
    public static TensorSource? Of(ModelFiles files, DecoderSpec spec)
    {
        if (files is GgufModelFiles)
        {
            return files.Find(TensorName) is { } stored ? TensorSource.Of(stored) : null;
        }

        return spec.Rope.RopeType != RopeType.Llama3 ? null
            : TensorSource.Of(StoredTensor.FromFloats(TensorName, new Shape(spec.HeadDim / 2), Llama3(spec.Rope, spec.HeadDim)));
    }

    /// <summary>Divisors (headDim / 2) of llama3 scaling.</summary>
    public static float[] Llama3(RopeParameters rope, int headDim)
    {
        float[] divisors = new float[headDim / 2];
        double original = rope.OriginalMaxPositionEmbeddings;
        for (int i = 0; i < divisors.Length; i++)
        {
            float frequency = 1f / (float)Math.Pow((float)rope.RopeTheta, 2f * i / headDim);
            // The converter computes with torch, where a number divided by a tensor is its reciprocal times the number.
            float wavelength = 1f / frequency * (float)(2 * Math.PI);
            if (wavelength < original / rope.HighFreqFactor)
            {
                divisors[i] = 1;
            }
            else if (wavelength > original / rope.LowFreqFactor)
            {
                divisors[i] = (float)rope.Factor;
            }
            else
            {
                float smooth = (1f / wavelength * (float)original - (float)rope.LowFreqFactor) / (float)(rope.HighFreqFactor - rope.LowFreqFactor);
                divisors[i] = 1 / ((1 - smooth) / (float)rope.Factor + smooth);
            }
        }

        return divisors;
    }

    /// <summary>The llama3 scaling that gives these divisors, or null: factors 1 and 4 as in every published model, the original context a power of two.</summary>
    public static RopeParameters? ToLlama3(RopeParameters rope, int headDim)
    {
        float[] divisors = [.. rope.Divisors!];
        for (int original = 1 << 6; original <= 1 << 20; original *= 2)
        {
            RopeParameters candidate = rope with
            {
                RopeType = RopeType.Llama3,
                Factor = divisors.Max(),
                LowFreqFactor = 1,
                HighFreqFactor = 4,
                OriginalMaxPositionEmbeddings = original,
                Divisors = null,
            };
            if (Llama3(candidate, headDim).Zip(divisors).All(pair => Math.Abs(pair.First - pair.Second) <= 1e-5f * pair.Second))
            {
                return candidate;
            }
        }

        return null;
    }
}
