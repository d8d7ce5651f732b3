using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// Keys and values (n, KV·D), F32, that every document of one layer has before its own. They are not rotated; the tokens stand at positions n, n + 1, …
/// (Li and Liang 2021). The tensors belong to the adapter.
/// </summary>
/// <param name="DKeys">Gradient of the keys; null where the adapter is frozen, as that of the values.</param>
public sealed record PrefixStates(Tensor Keys, Tensor Values, Tensor? DKeys, Tensor? DValues)
{
    /// <summary>n.</summary>
    public int Count => (int)Keys.Shape[0];

    internal bool Trains => DKeys is not null;
}
