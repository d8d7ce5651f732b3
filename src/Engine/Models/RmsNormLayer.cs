using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>Root mean square norm with a weight (C).</summary>
internal sealed class RmsNormLayer(Weight weight, float epsilon, float offset = 0)
{
    public Weight Weight { get; } = weight;

    public bool Trains => Weight.Trains;

    public void Forward(Backend backend, Tensor x, Tensor y, Tensor inverseRms) =>
        backend.RmsNorm(x, Weight.Value, offset, epsilon, y, inverseRms);

    /// <summary>dx += gradient.</summary>
    public void Backward(Backend backend, Tensor dy, Tensor x, Tensor inverseRms, Tensor dx) =>
        backend.RmsNormBackward(dy, x, Weight.Value, offset, inverseRms, dx, Weight.Gradient);
}
