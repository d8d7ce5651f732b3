using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>Embeddings (n, C), F32, of virtual tokens that stand before every document (Lester et al. 2021). The tensors belong to the adapter.</summary>
/// <param name="Gradient">Null where the adapter is frozen.</param>
public sealed record PromptRows(Tensor Values, Tensor? Gradient)
{
    private readonly int[] _rows = [.. Enumerable.Range(0, (int)Values.Shape[0])];

    /// <summary>n.</summary>
    public int Count => _rows.Length;

    internal bool Trains => Gradient is not null;

    /// <summary>Puts them into the first n rows of each document of x (T, C).</summary>
    internal void Forward(Backend backend, ReadOnlySpan<int> documentStarts, Tensor x)
    {
        foreach (int start in documentStarts[..^1])
        {
            backend.Embed(_rows, Values, 1, x.Rows(start, Count));
        }
    }

    /// <summary>Adds the gradients of those rows.</summary>
    internal void Backward(Backend backend, ReadOnlySpan<int> documentStarts, Tensor dx)
    {
        foreach (int start in documentStarts[..^1])
        {
            backend.EmbedBackward(_rows, dx.Rows(start, Count), 1, Gradient!);
        }
    }
}
