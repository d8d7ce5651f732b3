using FineTuneTool.Engine.Quantization;

namespace FineTuneTool.Engine.Kernels;

/// <summary>The plain form.</summary>
internal sealed unsafe class PairKernelScalar : PairKernel
{
    public override void Multiply(int rows, int width, PanelRun run)
    {
        for (int row = 0; row < rows; row++)
        {
            float* sums = (float*)((byte*)run.Sums + row * run.SumsStep);
            ushort* first = (ushort*)((byte*)run.Left + row * run.LeftStep), second = (ushort*)((byte*)run.Second + row * run.SecondStep);
            for (int n = 0; n < width; n++)
            {
                float sum = run.Accumulate != 0 ? sums[n] : 0;
                sum = Dot(first, run.Right + n, run.Pairs, width, sum);
                sums[n] = Dot(second, run.Right + run.Pairs * width + n, run.SecondPairs, width, sum);
            }
        }
    }

    private static float Dot(ushort* left, uint* right, long pairs, int width, float sum)
    {
        for (long pair = 0; pair < pairs; pair++)
        {
            uint both = right[pair * width];
            sum += BF16Format.Widen(left[2 * pair]) * BF16Format.Widen((ushort)both);
            sum += BF16Format.Widen(left[2 * pair + 1]) * BF16Format.Widen((ushort)(both >> 16));
        }

        return sum;
    }
}
