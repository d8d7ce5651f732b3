using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>Root mean square norm with a weight (C).</summary>
internal sealed class RmsNormLayer(Weight weight, float epsilon, float offset)
{
    public bool Trains => weight.Trains;

    /// <summary>y = norm(x) + addend.</summary>
    public void Forward(Backend backend, Tensor x, Tensor y, Tensor inverseRms, Tensor? addend = null) =>
        backend.RmsNorm(x, weight.Value, offset, epsilon, y, inverseRms, addend);

    /// <summary>dx += gradient.</summary>
    public void Backward(Backend backend, Tensor dy, Tensor x, Tensor inverseRms, Tensor dx) =>
        backend.RmsNormBackward(dy, x, weight.Value, offset, inverseRms, dx, weight.Gradient);
}
