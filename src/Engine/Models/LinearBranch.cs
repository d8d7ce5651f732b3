using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>What an adapter makes of one linear layer, whatever its kind. Tensors that are trained belong to the adapter.</summary>
public abstract class LinearBranch : IDisposable
{
    internal abstract bool Trains { get; }

    /// <summary>Bytes of its own rows for each token of a training step.</summary>
    internal abstract long BytesPerToken { get; }

    /// <summary>Layer and branch as one product for <see cref="Backend.Linears"/>; null where they are more than that.</summary>
    internal virtual LinearOperands? Fused(Pass pass, LinearLayer layer, Tensor x, Tensor y) => null;

    /// <summary>y = the adapted layer's output for x + addend. x (T, K), y and addend (T, N), which may be the same.</summary>
    internal abstract void Forward(Pass pass, LinearLayer layer, Tensor x, Tensor y, Tensor? addend);

    /// <summary>dx (+)= the gradient of the input where not null; gradients of what trains are added to. x is the forward input.</summary>
    internal abstract void Backward(Pass pass, LinearLayer layer, Tensor dy, Tensor x, Tensor? dx, bool accumulate);

    /// <summary>Turns rows of the layer's weight (rows, K), F32, from <paramref name="firstRow"/> on into those of the layer that behaves the same without a branch.</summary>
    internal abstract void Merge(Backend backend, Tensor rows, long firstRow);

    /// <summary>Whether a merge changes the layer's bias, too, where it has one.</summary>
    internal virtual bool ChangesBias => false;

    /// <summary>Whether the layer must have a bias for a merge.</summary>
    internal virtual bool NeedsBias => false;

    /// <summary>As <see cref="Merge"/> for the bias (N).</summary>
    internal virtual void MergeBias(Backend backend, Tensor bias)
    {
    }

    /// <summary>Adds to its gradients by that of the merged weight (N, K), which it may overwrite. For output heads, whose loss takes one matrix.</summary>
    internal virtual void BackwardMerged(Backend backend, Tensor gradient) =>
        throw new InvalidOperationException("This kind of branch cannot be trained on the output head.");

    public abstract void Dispose();
}
