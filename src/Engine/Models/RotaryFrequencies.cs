namespace FineTuneTool.Engine.Models;

/// <summary>
/// Inverse frequencies of the rotary embedding, in the float arithmetic of the reference library, and the factor on cosines and sines.
/// Sources: Su et al. 2021; Peng et al. 2023 (yarn); Llama 3 model card (llama3); bloc97 2023 (dynamic NTK);
/// Ding et al. 2024 (longrope).
/// </summary>
internal sealed record RotaryFrequencies(float[] Inverse, float Magnitude)
{
    /// <param name="dims">Rotated dims of a head (even); dims / 2 frequencies come out.</param>
    /// <param name="length">Tokens of the document; matters where <see cref="RopeParameters.DependsOnLength"/>.</param>
    public static RotaryFrequencies Compute(RopeParameters rope, int dims, int length)
    {
        double theta = rope.RopeType == RopeType.Dynamic ? DynamicTheta(rope, dims, length) : rope.RopeTheta;
        float[] inverse = new float[dims / 2];
        for (int i = 0; i < inverse.Length; i++)
        {
            inverse[i] = 1f / (float)Math.Pow((float)theta, 2f * i / dims);
        }

        float magnitude = 1;
        switch (rope.RopeType)
        {
            case RopeType.Linear:
                Change(inverse, i => inverse[i] / (float)rope.Factor);
                break;
            case RopeType.Llama3:
                Change(inverse, i => Llama3(rope, inverse[i]));
                break;
            case RopeType.Yarn:
                (double low, double high) = YarnRange(rope, dims);
                Change(inverse, i => Yarn(rope, inverse[i], Math.Clamp((i - low) / (high - low), 0, 1)));
                magnitude = (float)(rope.AttentionFactor ?? YarnMagnitude(rope.Factor));
                break;
            case RopeType.LongRope:
                IReadOnlyList<float> factors = (rope.Variant(length) == 0 ? rope.ShortFactor : rope.LongFactor)!;
                Change(inverse, i => 1f / (factors[i] * (float)Math.Pow((float)rope.RopeTheta, 2f * i / dims)));
                magnitude = (float)(rope.AttentionFactor ?? LongRopeMagnitude(rope));
                break;
        }

        if (rope.Divisors is { } divisors)
        {
            Change(inverse, i => inverse[i] / divisors[i]);
        }

        return new RotaryFrequencies(inverse, magnitude);
    }

    /// <summary>Yarn's factor on cosines and sines where a model does not say another.</summary>
    public static double YarnMagnitude(double factor) => factor <= 1 ? 1 : 0.1 * Math.Log(factor) + 1;

    /// <summary>Longrope's factor on cosines and sines where a model does not say another.</summary>
    public static double LongRopeMagnitude(RopeParameters rope) =>
        rope.Factor <= 1 ? 1 : Math.Sqrt(1 + Math.Log(rope.Factor) / Math.Log(rope.OriginalMaxPositionEmbeddings));

    private static void Change(float[] inverse, Func<int, float> value)
    {
        for (int i = 0; i < inverse.Length; i++)
        {
            inverse[i] = value(i);
        }
    }

    private static double DynamicTheta(RopeParameters rope, int dims, int length)
    {
        double ratio = Math.Max(1.0, (double)length / rope.OriginalMaxPositionEmbeddings);
        return rope.RopeTheta * Math.Pow(rope.Factor * ratio - (rope.Factor - 1), dims / (dims - 2.0));
    }

    private static float Llama3(RopeParameters rope, float inverse)
    {
        double wavelength = 2 * Math.PI / inverse;
        double original = rope.OriginalMaxPositionEmbeddings;
        if (wavelength < original / rope.HighFreqFactor)
        {
            return inverse;
        }

        float slowed = inverse / (float)rope.Factor;
        if (wavelength > original / rope.LowFreqFactor)
        {
            return slowed;
        }

        double smooth = (original / wavelength - rope.LowFreqFactor) / (rope.HighFreqFactor - rope.LowFreqFactor);
        return (float)((1 - smooth) * slowed + smooth * inverse);
    }

    private static (double Low, double High) YarnRange(RopeParameters rope, int dims)
    {
        double low = Correction(rope.BetaFast), high = Correction(rope.BetaSlow);
        if (rope.Truncate)
        {
            (low, high) = (Math.Floor(low), Math.Ceiling(high));
        }

        (low, high) = (Math.Max(low, 0), Math.Min(high, dims - 1));
        return (low, high == low ? high + 0.001 : high);

        double Correction(double rotations) =>
            dims * Math.Log(rope.OriginalMaxPositionEmbeddings / (rotations * 2 * Math.PI)) / (2 * Math.Log(rope.RopeTheta));
    }

    private static float Yarn(RopeParameters rope, float inverse, double ramp) => (float)(inverse / rope.Factor * ramp + inverse * (1 - ramp));
}
