using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// Cross-entropy of an output head that carries a branch. The fused loss takes one head matrix, so the merged one is written out once a batch, and
/// its gradient comes back whole. That needs two (V, C) F32 matrices: adapters on the head are rare, and small models bear it.
/// Dropout and biases have no place in that form and are refused when the adapter is made.
/// </summary>
internal sealed class AdaptedHead(Backend backend, LinearLayer head) : IDisposable
{
    private Tensor? _sum;
    private Tensor? _gradient;
    private int[] _ids = [];

    /// <summary>Bytes of the two matrices.</summary>
    public long Bytes => 2 * ElementType.F32.Bytes(head.Weight.Shape.Count);

    public void CrossEntropy(
        Pass pass, Tensor hidden, ReadOnlySpan<int> targets, float softCap, Span<float> losses, Span<bool> correct, bool backward, Tensor? dHidden,
        ReadOnlySpan<float> weights)
    {
        LinearBranch branch = head.Branch!;
        Tensor sum = _sum ??= backend.Allocate(head.Weight.Shape), gradient = _gradient ??= backend.Allocate(head.Weight.Shape);
        if (_ids.Length == 0)
        {
            _ids = [.. Enumerable.Range(0, (int)head.OutFeatures)];
        }

        backend.Embed(_ids, head.Weight.Value, 1, sum);
        branch.Merge(backend, sum, firstRow: 0);
        bool trains = backward && branch.Trains;
        if (trains)
        {
            backend.Zero(gradient);
        }

        backend.CrossEntropy(hidden, sum, targets, softCap, losses, correct, dHidden, trains ? gradient : null, weights);
        if (trains)
        {
            branch.BackwardMerged(backend, gradient);
        }
    }

    public void Dispose()
    {
        _sum?.Dispose();
        _gradient?.Dispose();
    }
}
