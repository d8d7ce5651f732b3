namespace FineTuneTool.Engine.Kernels;

/// <summary>The plain form of <see cref="MicroKernel"/>: what the register-blocked ones must equal.</summary>
internal sealed unsafe class MicroKernelScalar : MicroKernel
{
    public override int Rows => 4;

    public override int Columns => 4;

    public override void Multiply(int depth, float* a, nint aStep, float* b, nint bStep, float* c, nint cStep, bool accumulate)
    {
        for (int i = 0; i < 4; i++)
        {
            for (int j = 0; j < 4; j++)
            {
                float sum = 0;
                for (nint k = 0; k < depth; k++)
                {
                    sum += a[k * aStep + i] * b[k * bStep + j];
                }

                c[i * cStep + j] = accumulate ? c[i * cStep + j] + sum : sum;
            }
        }
    }
}
