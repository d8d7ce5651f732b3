using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>The table of token embeddings (V, C) with the branch of the active adapter, times a factor.</summary>
internal sealed class InputEmbedding(Backend backend, Weight table, float scale)
{
    public Weight Table => table;

    public EmbeddingBranch? Branch { get; set; }

    /// <summary>Virtual tokens in the first rows of each document of a whole pass.</summary>
    public PromptRows? Prompt { get; set; }

    public bool Trains => table.Trains || Branch is { Trains: true } || Prompt is { Trains: true };

    /// <summary>x (T, C) = the embeddings of ids.</summary>
    public void Forward(Pass pass, ReadOnlySpan<int> ids, Tensor x)
    {
        backend.Embed(ids, table.Value, scale, x);
        Branch?.Forward(ids, scale, x);
        if (pass.DocumentLength == 0)
        {
            Prompt?.Forward(backend, pass.DocumentStarts, x);
        }
    }

    /// <summary>Adds to the gradients of what trains.</summary>
    public void Backward(Pass pass, ReadOnlySpan<int> ids, Tensor dx)
    {
        if (table.Gradient is { } dTable)
        {
            backend.EmbedBackward(ids, dx, scale, dTable);
        }

        if (Branch is { Trains: true })
        {
            Branch.Backward(ids, scale, dx);
        }

        if (Prompt is { Trains: true })
        {
            Prompt.Backward(backend, pass.DocumentStarts, dx);
        }
    }
}
