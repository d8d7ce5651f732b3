namespace FineTuneTool.Engine.Kernels;

internal sealed unsafe class DropoutScalar : DropoutKernel
{
    public override void Apply(in DropoutMask mask, ulong first, float* values, int count)
    {
        for (int i = 0; i < count; i++)
        {
            values[i] = mask.Random.Uniform(first + (ulong)i) >= mask.Probability ? values[i] * mask.KeepScale : 0;
        }
    }
}
