namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// For machines without products of BF16: both operands are widened, exactly, and the single precision micro kernel multiplies them.
/// </summary>
internal sealed unsafe class PairKernelVector(MicroKernel kernel, PanelPacker packer, BFloat16Kernel conversion) : PairKernel
{
    /// <summary>Depths that are widened at the same time.</summary>
    private const int MaxPairs = 128;

    [ThreadStatic]
    private static ScratchMemory? _memory;

    public override void Multiply(int rows, int width, PanelRun run)
    {
        float* scratch = (_memory ??= new ScratchMemory()).Floats(2 * MaxPairs * (width + 2 * kernel.Rows));
        Multiply(rows, width, run, run.Left, run.LeftStep, run.Right, run.Pairs, run.Accumulate != 0, scratch);
        if (run.SecondPairs > 0)
        {
            Multiply(rows, width, run, run.Second, run.SecondStep, run.Right + run.Pairs * width, run.SecondPairs, run.Accumulate != 0 || run.Pairs > 0, scratch);
        }
    }

    private void Multiply(int rows, int width, in PanelRun run, ushort* left, long leftStep, uint* right, long pairs, bool accumulate, float* scratch)
    {
        int height = kernel.Rows;
        long sumsStep = run.SumsStep / sizeof(float);
        for (long first = 0; first < pairs; first += MaxPairs)
        {
            int count = (int)Math.Min(MaxPairs, pairs - first), depth = 2 * count;
            float* panel = scratch, widened = panel + 2 * MaxPairs * width, turned = widened + 2 * MaxPairs * height;
            for (int pair = 0; pair < count; pair++)
            {
                conversion.Split(right + (first + pair) * width, panel + 2 * pair * width, panel + (2 * pair + 1) * width, width);
            }

            for (int row = 0; row < rows; row += height)
            {
                int present = Math.Min(height, rows - row);
                for (int i = 0; i < present; i++)
                {
                    conversion.Widen((ushort*)((byte*)left + (row + i) * leftStep) + 2 * first, widened + i * depth, depth);
                }

                packer.Transpose(widened, depth, present, depth, turned, height);
                for (int n = 0; n < width; n += kernel.Columns)
                {
                    float* sums = run.Sums + row * sumsStep + n;
                    kernel.MultiplyPart(depth, turned, height, panel + n, width, sums, (nint)sumsStep, accumulate, present, width - n);
                }
            }

            accumulate = true;
        }
    }
}
