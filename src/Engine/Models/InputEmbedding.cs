using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>The table of token embeddings (V, C) with the branch of the active adapter, times a factor.</summary>
internal sealed class InputEmbedding(Backend backend, Weight table, float scale)
{
    public Weight Table => table;

    public EmbeddingBranch? Branch { get; set; }

    public bool Trains => table.Trains || Branch is { Trains: true };

    /// <summary>x (T, C) = the embeddings of ids.</summary>
    public void Forward(ReadOnlySpan<int> ids, Tensor x)
    {
        backend.Embed(ids, table.Value, scale, x);
        Branch?.Forward(ids, scale, x);
    }

    /// <summary>Adds to the gradients of what trains.</summary>
    public void Backward(ReadOnlySpan<int> ids, Tensor dx)
    {
        if (table.Gradient is { } dTable)
        {
            backend.EmbedBackward(ids, dx, scale, dTable);
        }

        if (Branch is { Trains: true })
        {
            Branch.Backward(ids, scale, dx);
        }
    }
}
