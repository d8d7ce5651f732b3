using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>One layer whose output columns are the results side by side; adapters see it as the one layer that it is.</summary>
internal sealed class FusedProjections(LinearLayer layer) : Projections
{
    public override IReadOnlyList<LinearLayer> Linears { get; } = [layer];

    public override bool Trains => layer.Trains;

    public override void Forward(Pass pass, RowBuffer? joined, Tensor x, params ReadOnlySpan<Tensor> results)
    {
        Tensor rows = joined!.Take(pass.Tokens);
        layer.Forward(pass, x, rows);
        int first = 0;
        foreach (Tensor result in results)
        {
            int columns = (int)result.Shape[1];
            pass.Backend.CopyColumns(rows, first, result, 0, columns);
            first += columns;
        }
    }

    public override void Backward(Pass pass, RowBuffer? joined, Tensor x, Tensor? dx, params ReadOnlySpan<Tensor> dResults)
    {
        Tensor rows = joined!.Take(pass.Tokens);
        int first = 0;
        foreach (Tensor dResult in dResults)
        {
            int columns = (int)dResult.Shape[1];
            pass.Backend.CopyColumns(dResult, 0, rows, first, columns);
            first += columns;
        }

        layer.Backward(pass, rows, x, dx);
    }
}
