namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// Scales of 4-bit blocks that are quantised themselves (double quantisation): their mean, and 8-bit codes of the differences from it in blocks of 256,
/// each with a scale of its own. scale = map[code] · block scale + mean, product and sum rounded one after the other.
/// </summary>
/// <param name="Codes">One for each scale.</param>
/// <param name="BlockScales">max|scale − mean| of each block.</param>
public sealed record NestedScales(byte[] Codes, float[] BlockScales, float Mean)
{
    public const int BlockSize = 256;

    /// <summary>Quantises scales to the nearest codes of <see cref="DynamicMap.Signed"/>.</summary>
    public static NestedScales Encode(ReadOnlySpan<float> scales)
    {
        double sum = 0;
        foreach (float scale in scales)
        {
            sum += scale;
        }

        float mean = scales.IsEmpty ? 0 : (float)(sum / scales.Length);
        byte[] codes = new byte[scales.Length];
        float[] blockScales = new float[(scales.Length + BlockSize - 1) / BlockSize];
        for (int block = 0; block < blockScales.Length; block++)
        {
            int first = block * BlockSize, end = Math.Min(first + BlockSize, scales.Length);
            float largest = 0;
            for (int i = first; i < end; i++)
            {
                largest = MathF.Max(largest, MathF.Abs(scales[i] - mean));
            }

            blockScales[block] = largest;
            for (int i = first; i < end; i++)
            {
                codes[i] = DynamicMap.Nearest(DynamicMap.Signed, largest > 0 ? (scales[i] - mean) / largest : 0);
            }
        }

        return new NestedScales(codes, blockScales, mean);
    }

    /// <summary>The scales that the codes stand for in a map of 256 numbers.</summary>
    public float[] Decode(ReadOnlySpan<float> map)
    {
        float[] scales = new float[Codes.Length];
        for (int i = 0; i < scales.Length; i++)
        {
            float difference = map[Codes[i]] * BlockScales[i / BlockSize];
            scales[i] = difference + Mean;
        }

        return scales;
    }
}
