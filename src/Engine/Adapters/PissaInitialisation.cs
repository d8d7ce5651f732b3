using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>PiSSA (Meng et al. 2024): s·B·A begins as the best approximation of the weight by rank R, its singular values shared by both.</summary>
internal sealed class PissaInitialisation : LoraInitialisation
{
    public override string Name => "pissa";

    public override bool TakesFromWeight => true;

    public override (float[] A, float[] B) Make(Backend backend, LinearLayer linear, int rank, float scale, CounterRandom random)
    {
        TruncatedSvd svd = TruncatedSvd.Compute(backend, linear.Weight.Value, rank, random);
        int inputs = (int)linear.InFeatures, outputs = (int)linear.OutFeatures;
        float[] a = new float[rank * inputs], b = new float[outputs * rank];
        for (int r = 0; r < rank; r++)
        {
            double root = Math.Sqrt(svd.Values[r] / scale);
            for (int k = 0; k < inputs; k++)
            {
                a[r * inputs + k] = (float)(root * svd.Right[r][k]);
            }

            for (int n = 0; n < outputs; n++)
            {
                b[n * rank + r] = (float)(root * svd.Left[r][n]);
            }
        }

        return (a, b);
    }
}
