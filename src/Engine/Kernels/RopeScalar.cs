namespace FineTuneTool.Engine.Kernels;

internal sealed unsafe class RopeScalar : RopeKernel
{
    public override void Rotate(float* x, int heads, int headDim, float* cosines, float* sines, int pairs, float direction)
    {
        for (int head = 0; head < heads; head++, x += headDim)
        {
            for (int i = 0; i < pairs; i++)
            {
                float a = x[i], b = x[i + pairs], sine = direction * sines[i];
                x[i] = a * cosines[i] - b * sine;
                x[i + pairs] = b * cosines[i] + a * sine;
            }
        }
    }
}
