using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>How much an adapter changes one layer: Frobenius norms of s·B·A and of W.</summary>
public sealed record LayerChange(string Path, double BranchNorm, double WeightNorm)
{
    public double Ratio => WeightNorm > 0 ? BranchNorm / WeightNorm : double.PositiveInfinity;
}

/// <summary>Measures an adapter through its rank-r factors: ‖B·A‖² = ⟨BᵀB, A·Aᵀ⟩, so that the product is never formed.</summary>
public static class AdapterChange
{
    /// <summary>Elements of a weight that are decoded at the same time.</summary>
    private const int ChunkElements = 1 << 20;

    /// <summary>One entry for each adapted layer, in the order of the model.</summary>
    public static IReadOnlyList<LayerChange> Measure(Adapter adapter) =>
    [
        .. adapter.Branches.OrderBy(pair => pair.Key.Index).Select(pair => new LayerChange(
            pair.Key.Path, NormOf(adapter.Decoder.Backend, pair.Value), NormOf(adapter.Decoder.Backend, pair.Key.Weight.Value))),
    ];

    private static double NormOf(Backend backend, LowRankBranch branch)
    {
        int rank = branch.Rank;
        using Tensor ofA = backend.Allocate(new Shape(rank, rank)), ofB = backend.Allocate(new Shape(rank, rank));
        backend.Linear(branch.A, branch.A, null, null, ofA);
        backend.LinearBackward(branch.B, branch.B, ofB, null, null, accumulate: false, ofB, null);
        float[] a = new float[rank * rank], b = new float[rank * rank];
        backend.Read(ofA, a);
        backend.Read(ofB, b);
        double square = 0;
        for (int i = 0; i < a.Length; i++)
        {
            square += (double)a[i] * b[i];
        }

        return Math.Abs(branch.Scale) * Math.Sqrt(Math.Max(0, square));
    }

    private static double NormOf(Backend backend, Tensor weight)
    {
        int rowsAtOnce = (int)Math.Clamp(ChunkElements / weight.Shape.Columns, 1, weight.Shape.Rows);
        using Tensor rows = backend.Allocate(new Shape(rowsAtOnce, weight.Shape.Columns));
        double square = 0;
        for (int first = 0; first < weight.Shape.Rows; first += rowsAtOnce)
        {
            int count = (int)Math.Min(rowsAtOnce, weight.Shape.Rows - first);
            using Tensor part = rows.Rows(0, count);
            backend.Embed([.. Enumerable.Range(first, count)], weight, 1, part);
            square += backend.SumOfSquares(part);
        }

        return Math.Sqrt(square);
    }
}
