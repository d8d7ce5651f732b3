using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>A linear layer of the decoder: weight (N, K), perhaps a bias (N), and the branch of the active adapter.</summary>
public sealed class LinearLayer
{
    internal LinearLayer(string path, int index, Weight weight, Weight? bias)
    {
        (Path, Index, Weight, Bias) = (path, index, weight, bias);
    }

    /// <summary>Module path as in Hugging Face, such as <c>model.layers.0.self_attn.q_proj</c>.</summary>
    public string Path { get; }

    /// <summary>Place in <see cref="Decoder.Linears"/>.</summary>
    public int Index { get; }

    public Weight Weight { get; }

    public Weight? Bias { get; }

    public long InFeatures => Weight.Shape[1];

    public long OutFeatures => Weight.Shape[0];

    /// <summary>The branch of the active adapter on this layer.</summary>
    public LinearBranch? Branch { get; internal set; }

    internal bool Trains => Weight.Trains || Bias is { Trains: true } || Branch is { Trains: true };

    /// <summary>y = x·Wᵀ + bias + addend, with what the branch makes of it. x (T, K), y and addend (T, N), which may be the same.</summary>
    internal void Forward(Pass pass, Tensor x, Tensor y, Tensor? addend = null)
    {
        if (Branch is null)
        {
            pass.Backend.Linear(x, Weight.Value, Bias?.Value, null, y, addend);
        }
        else
        {
            Branch.Forward(pass, this, x, y, addend);
        }
    }

    /// <summary>dx (+)= the gradient of the input where not null; gradients of what trains are added to. x is the forward input.</summary>
    internal void Backward(Pass pass, Tensor dy, Tensor x, Tensor? dx, bool accumulate = false)
    {
        if (dx is null && !Trains)
        {
            return;
        }

        if (Branch is null)
        {
            pass.Backend.LinearBackward(dy, x, Weight.Value, null, dx, accumulate, Weight.Gradient, Bias?.Gradient);
        }
        else
        {
            Branch.Backward(pass, this, dy, x, dx, accumulate);
        }
    }

    /// <summary>This layer as one of several for <see cref="Backend.Linears"/>; null where <see cref="Forward"/> does more than one product.</summary>
    internal LinearOperands? Fused(Pass pass, Tensor x, Tensor y) =>
        Branch is null ? new LinearOperands(Weight.Value, Bias?.Value, null, y) : Branch.Fused(pass, this, x, y);
}
