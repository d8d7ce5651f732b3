using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>Linear maps of one input (T, K) whose results (T, N₁), (T, N₂), … are used apart.</summary>
internal abstract class Projections
{
    public abstract IReadOnlyList<LinearLayer> Linears { get; }

    public abstract bool Trains { get; }

    /// <param name="joined">Rows (T, ΣN) where one layer makes all results; else not used.</param>
    public abstract void Forward(Pass pass, RowBuffer? joined, Tensor x, params ReadOnlySpan<Tensor> results);

    /// <summary>dx is overwritten with the gradient of x where not null; gradients of what trains are added to. x is the forward input.</summary>
    public abstract void Backward(Pass pass, RowBuffer? joined, Tensor x, Tensor? dx, params ReadOnlySpan<Tensor> dResults);
}
