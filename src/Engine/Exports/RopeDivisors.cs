using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Exports;

/// <summary>
/// What each rotary frequency is divided by under Llama 3's scaling, in the float arithmetic of llama.cpp's converter.
/// </summary>
internal static class RopeDivisors
{
    /// <summary>Divisors (dims / 2) of llama3 scaling.</summary>
    public static float[] Llama3(RopeParameters rope, int dims)
    {
        float[] divisors = new float[dims / 2];
        double original = rope.OriginalMaxPositionEmbeddings;
        for (int i = 0; i < divisors.Length; i++)
        {
            float frequency = 1f / (float)Math.Pow((float)rope.RopeTheta, 2f * i / dims);
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
    public static RopeParameters? ToLlama3(RopeParameters rope, int dims)
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
            if (Llama3(candidate, dims).Zip(divisors).All(pair => Math.Abs(pair.First - pair.Second) <= 1e-5f * pair.Second))
            {
                return candidate;
            }
        }

        return null;
    }
}
