using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// Cross-entropy of an output head that carries a low-rank branch. The fused loss takes one head matrix, so W + s·B·A is written out once a batch, and
/// its gradient G comes back whole: dB += s·G·Aᵀ, dA += s·Bᵀ·G. That needs two (V, C) F32 matrices: adapters on the head are rare, and small models bear it.
/// Dropout has no place in that form and is refused when the adapter is made.
/// </summary>
internal sealed class AdaptedHead(Backend backend, LinearLayer head) : IDisposable
{
    private Tensor? _sum;
    private Tensor? _gradient;
    private int[] _ids = [];

    /// <summary>Bytes of the two matrices.</summary>
    public long Bytes => 2 * ElementType.F32.Bytes(head.Weight.Shape.Count);

    public void CrossEntropy(
        Pass pass, Tensor hidden, ReadOnlySpan<int> targets, float softCap, Span<float> losses, Span<bool> correct, bool backward, Tensor? dHidden)
    {
        LowRankBranch branch = head.Branch!;
        Tensor sum = _sum ??= backend.Allocate(head.Weight.Shape), gradient = _gradient ??= backend.Allocate(head.Weight.Shape);
        if (_ids.Length == 0)
        {
            _ids = [.. Enumerable.Range(0, (int)head.OutFeatures)];
        }

        backend.Embed(_ids, head.Weight.Value, 1, sum);
        backend.LinearBackward(branch.B, gradient, branch.A, null, gradient, accumulate: false, null, null);
        backend.Add(sum, gradient, branch.Scale);
        bool trains = backward && branch.Trains;
        if (trains)
        {
            backend.Zero(gradient);
        }

        backend.CrossEntropy(hidden, sum, targets, softCap, losses, correct, dHidden, trains ? gradient : null);
        if (trains)
        {
            backend.Scale(gradient, branch.Scale);
            backend.Linear(gradient, branch.A, null, null, branch.DB!, addend: branch.DB);
            backend.LinearBackward(branch.B, gradient, branch.A, null, null, accumulate: false, branch.DA, null);
        }
    }

    public void Dispose()
    {
        _sum?.Dispose();
        _gradient?.Dispose();
    }
}
