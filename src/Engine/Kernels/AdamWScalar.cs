namespace FineTuneTool.Engine.Kernels;

internal sealed unsafe class AdamWScalar : AdamWKernel
{
    public override void Update(float* values, float* gradients, float* first, float* second, long count, in AdamWFactors factors)
    {
        for (long i = 0; i < count; i++)
        {
            float g = gradients[i];
            float p = values[i] * factors.Decay;
            float m = first[i] + factors.OneMinusBeta1 * (g - first[i]);
            float v = second[i] * factors.Beta2 + factors.OneMinusBeta2 * (g * g);
            first[i] = m;
            second[i] = v;
            values[i] = p - factors.StepSize * (m / (MathF.Sqrt(v) / factors.SecondCorrection + factors.Epsilon));
        }
    }
}
