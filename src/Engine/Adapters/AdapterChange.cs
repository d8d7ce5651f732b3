using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Adapters;

/// <summary>How much an adapter changes one layer: Frobenius norms of the change of its weight and of the weight W.</summary>
public sealed record LayerChange(string Path, double BranchNorm, double WeightNorm)
{
    public double Ratio => WeightNorm > 0 ? BranchNorm / WeightNorm : double.PositiveInfinity;
}

/// <summary>Measures an adapter of any kind by what a merge makes of the weights, a piece at a time.</summary>
public static class AdapterChange
{
    /// <summary>One entry for each matrix that the adapter changes, in the order of the model; none where it changes no weight.</summary>
    public static IReadOnlyList<LayerChange> Measure(Adapter adapter) => adapter.WhyNotMergeable is not null ? [] :
        [.. AdapterMerge.Weights(adapter.Decoder, adapter).Where(weight => weight.IsAdapted && weight.Shape.Rank > 1).Select(Measure)];

    private static LayerChange Measure(MergedWeight weight)
    {
        float[] before = new float[weight.Pieces().First().Elements], after = new float[before.Length];
        double change = 0, whole = 0;
        foreach ((long row, int elements) in weight.Pieces())
        {
            weight.ReadBaseRows(row, before.AsSpan(0, elements));
            weight.ReadRows(row, after.AsSpan(0, elements));
            for (int i = 0; i < elements; i++)
            {
                double difference = (double)after[i] - before[i];
                change += difference * difference;
                whole += (double)before[i] * before[i];
            }
        }

        return new LayerChange(weight.Name[..weight.Name.LastIndexOf('.')], Math.Sqrt(change), Math.Sqrt(whole));
    }
}
