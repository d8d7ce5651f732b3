namespace FineTuneTool.Engine.Kernels;

internal sealed unsafe class DropoutScalar : DropoutKernel
{
    public override void Apply(in DropoutMask mask, ulong first, float* values, int count)
    {
        for (int i = 0; i < count; i++)
        {
            values[i] = mask.Random.UInt16(first + (ulong)i) >= mask.Threshold ? values[i] * mask.KeepScale : 0;
        }
    }
}
