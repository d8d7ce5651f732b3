using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>OLoRA (Büyükakyüz 2024): with W = Q·R, B begins as the first columns of Q and A as the first rows of R.</summary>
internal sealed class OloraInitialisation : LoraInitialisation
{
    public override string Name => "olora";

    public override bool TakesFromWeight => true;

    public override (float[] A, float[] B) Make(Backend backend, LinearLayer linear, int rank, float scale, CounterRandom random)
    {
        int inputs = (int)linear.InFeatures, outputs = (int)linear.OutFeatures;
        double[][] q = [.. Enumerable.Range(0, rank).Select(_ => new double[outputs])];
        float[] row = new float[inputs];
        for (int n = 0; n < outputs; n++)
        {
            backend.Read(linear.Weight.Value, row, (long)n * inputs);
            for (int r = 0; r < rank; r++)
            {
                q[r][n] = row[r];
            }
        }

        Orthonormal.Make(q);
        float[] rows = [.. q.SelectMany(column => column.Select(value => (float)value))], a = new float[rank * inputs], b = new float[outputs * rank];
        using Tensor left = backend.Allocate(new Shape(rank, outputs)), product = backend.Allocate(new Shape(rank, inputs));
        backend.Write(left, rows);
        backend.LinearBackward(left, product, linear.Weight.Value, null, product, accumulate: false, null, null);
        backend.Read(product, a);
        for (int r = 0; r < rank; r++)
        {
            for (int n = 0; n < outputs; n++)
            {
                b[n * rank + r] = (float)q[r][n];
            }
        }

        return (a, b);
    }
}
