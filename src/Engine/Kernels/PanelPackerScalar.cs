namespace FineTuneTool.Engine.Kernels;

internal sealed unsafe class PanelPackerScalar(DropoutKernel dropout, VectorMathKernel math) : PanelPacker(dropout, math)
{
    public override void Transpose(float* source, long stride, int count, int depth, float* target, int width)
    {
        for (int k = 0; k < depth; k++)
        {
            for (int i = 0; i < width; i++)
            {
                target[(long)k * width + i] = i < count ? source[i * stride + k] : 0;
            }
        }
    }

    public override void Copy(float* source, long stride, int count, int depth, float* target, int width)
    {
        for (int k = 0; k < depth; k++)
        {
            for (int i = 0; i < width; i++)
            {
                target[(long)k * width + i] = i < count ? source[k * stride + i] : 0;
            }
        }
    }
}
