using FineTuneTool.Engine.Quantization;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// AdamW with moments in 8 bits (Dettmers et al., "8-bit optimizers via block-wise quantization", 2022): each block of 256 moments is divided by its
/// largest magnitude and rounded to the nearest number of the dynamic map. The first moment keeps its sign; a second moment that is not zero does not
/// become zero, after which the next step would divide by epsilon.
/// </summary>
internal sealed unsafe class AdamW8BitKernel
{
    /// <summary>Moments with one scale.</summary>
    public const int BlockElements = 256;

    private readonly DynamicCodes _signed = new(DynamicMap.Signed), _unsigned = new(DynamicMap.Unsigned);

    /// <param name="firstScales">One for each block; the last block may be short.</param>
    public void Update(
        float* values, float* gradients, byte* firstCodes, float* firstScales, byte* secondCodes, float* secondScales, long count, in AdamW8BitFactors factors)
    {
        for (long start = 0, block = 0; start < count; start += BlockElements, block++)
        {
            UpdateBlock(
                values + start, gradients + start, firstCodes + start, firstScales + block, secondCodes + start, secondScales + block,
                (int)Math.Min(BlockElements, count - start), factors);
        }
    }

    private void UpdateBlock(
        float* values, float* gradients, byte* firstCodes, float* firstScale, byte* secondCodes, float* secondScale, int count, in AdamW8BitFactors factors)
    {
        float* first = stackalloc float[BlockElements], second = stackalloc float[BlockElements];
        float firstMost = 0, secondMost = 0, oldFirst = *firstScale, oldSecond = *secondScale;
        ReadOnlySpan<float> signed = _signed.Map, unsigned = _unsigned.Map;
        for (int i = 0; i < count; i++)
        {
            float g = gradients[i];
            float m = factors.Beta1 * (signed[firstCodes[i]] * oldFirst) + factors.OneMinusBeta1 * g;
            float v = factors.Beta2 * (unsigned[secondCodes[i]] * oldSecond) + factors.OneMinusBeta2 * (g * g);
            float p = values[i] * factors.Decay;
            values[i] = p - factors.StepSize * (m / (MathF.Sqrt(v) + factors.Epsilon));
            first[i] = m;
            second[i] = v;
            firstMost = MathF.Max(firstMost, MathF.Abs(m));
            secondMost = MathF.Max(secondMost, v);
        }

        *firstScale = firstMost;
        *secondScale = secondMost;
        for (int i = 0; i < count; i++)
        {
            firstCodes[i] = SignedCode(first[i], firstMost);
            secondCodes[i] = UnsignedCode(second[i], secondMost);
        }
    }

    internal byte SignedCode(float moment, float scale)
    {
        byte code = _signed.Nearest(scale == 0 ? 0 : moment / scale);
        float number = _signed.Map[code];
        return moment > 0 && number < 0 ? (byte)(code + 1) : moment < 0 && number >= 0 ? (byte)(code - 1) : code;
    }

    internal byte UnsignedCode(float moment, float scale)
    {
        byte code = _unsigned.Nearest(scale == 0 ? 0 : moment / scale);
        return code == 0 && moment > 0 ? (byte)1 : code;
    }
}
