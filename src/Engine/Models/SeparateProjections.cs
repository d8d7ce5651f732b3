using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>One layer for each result.</summary>
internal sealed class SeparateProjections(params LinearLayer[] layers) : Projections
{
    private readonly LinearOperands[] _operands = new LinearOperands[layers.Length];

    public override IReadOnlyList<LinearLayer> Linears => layers;

    public override bool Trains => Array.Exists(layers, layer => layer.Trains);

    public override void Forward(Pass pass, RowBuffer? joined, Tensor x, params ReadOnlySpan<Tensor> results)
    {
        int fused = 0;
        while (fused < layers.Length && layers[fused].Fused(pass, x, results[fused]) is { } operands)
        {
            _operands[fused++] = operands;
        }

        if (fused == layers.Length)
        {
            pass.Backend.Linears(x, _operands);
            return;
        }

        for (int i = 0; i < layers.Length; i++)
        {
            layers[i].Forward(pass, x, results[i]);
        }
    }

    public override void Backward(Pass pass, RowBuffer? joined, Tensor x, Tensor? dx, params ReadOnlySpan<Tensor> dResults)
    {
        for (int i = 0; i < layers.Length; i++)
        {
            layers[i].Backward(pass, dResults[i], x, dx, accumulate: i > 0);
        }
    }
}
