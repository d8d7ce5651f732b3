using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// What the forward pass of one layer keeps for its backward pass. Norm outputs and the gated product are not kept: they are cheap to compute again.
/// Layers that need no backward pass share one of these, in which all three streams are the same rows. A checkpointed layer owns its input alone;
/// its other rows are those of another one of these, and <see cref="DecoderLayer.Recompute"/> fills them again.
/// </summary>
internal sealed class LayerActivations : IDisposable
{
    private readonly List<RowBuffer> _buffers = [];

    /// <param name="type">F32 or BF16; statistics are F32 always.</param>
    /// <param name="recomputed">Rows for what is computed again in the backward pass; null = everything is kept.</param>
    public LayerActivations(Backend backend, DecoderSpec spec, ElementType type, LayerActivations? recomputed = null)
    {
        Input = Add(spec.HiddenSize);
        Middle = recomputed?.Middle ?? Add(spec.HiddenSize);
        InputInverseRms = recomputed?.InputInverseRms ?? Add(0, ElementType.F32);
        MiddleInverseRms = recomputed?.MiddleInverseRms ?? Add(0, ElementType.F32);
        Query = recomputed?.Query ?? Add(spec.QuerySize);
        Key = recomputed?.Key ?? Add(spec.KeyValueSize);
        Value = recomputed?.Value ?? Add(spec.KeyValueSize);
        Attended = recomputed?.Attended ?? Add(spec.QuerySize);
        LogSumExp = recomputed?.LogSumExp ?? Add(spec.NumAttentionHeads, ElementType.F32);
        Gate = recomputed?.Gate ?? Add(spec.IntermediateSize);
        Up = recomputed?.Up ?? Add(spec.IntermediateSize);
        if (spec.QueryKeyNorm)
        {
            ProjectedQuery = recomputed?.ProjectedQuery ?? new NormRows(Add(spec.QuerySize), Add(spec.NumAttentionHeads, ElementType.F32));
            ProjectedKey = recomputed?.ProjectedKey ?? new NormRows(Add(spec.KeyValueSize), Add(spec.NumKeyValueHeads, ElementType.F32));
        }

        if (spec.PostNorms)
        {
            AttentionOutput = recomputed?.AttentionOutput ?? new NormRows(Add(spec.HiddenSize), Add(0, ElementType.F32));
            FeedForwardOutput = recomputed?.FeedForwardOutput ?? new NormRows(Add(spec.HiddenSize), Add(0, ElementType.F32));
        }

        RowBuffer Add(long columns, ElementType? statistics = null)
        {
            var buffer = new RowBuffer(backend, columns, statistics ?? type);
            _buffers.Add(buffer);
            return buffer;
        }
    }

    /// <summary>(T, C) residual stream before the attention.</summary>
    public RowBuffer Input { get; }

    /// <summary>(T, C) residual stream between attention and feed-forward.</summary>
    public RowBuffer Middle { get; }

    /// <summary>(T)</summary>
    public RowBuffer InputInverseRms { get; }

    /// <summary>(T)</summary>
    public RowBuffer MiddleInverseRms { get; }

    /// <summary>(T, H·D) after the rotary embedding.</summary>
    public RowBuffer Query { get; }

    /// <summary>(T, KV·D) after the rotary embedding.</summary>
    public RowBuffer Key { get; }

    /// <summary>(T, KV·D)</summary>
    public RowBuffer Value { get; }

    /// <summary>(T, H·D) output of the attention before its output projection.</summary>
    public RowBuffer Attended { get; }

    /// <summary>(T, H)</summary>
    public RowBuffer LogSumExp { get; }

    /// <summary>(T, F)</summary>
    public RowBuffer Gate { get; }

    /// <summary>(T, F)</summary>
    public RowBuffer Up { get; }

    /// <summary>Queries before their norm; null where they have none.</summary>
    public NormRows? ProjectedQuery { get; }

    /// <summary>Keys before their norm.</summary>
    public NormRows? ProjectedKey { get; }

    /// <summary>The output projection's result before its norm; null where it has none.</summary>
    public NormRows? AttentionOutput { get; }

    /// <summary>The down projection's result before its norm.</summary>
    public NormRows? FeedForwardOutput { get; }

    /// <summary>Bytes of its own for each token.</summary>
    public long BytesPerToken => _buffers.Sum(buffer => buffer.BytesPerRow);

    public void Dispose() => _buffers.ForEach(buffer => buffer.Dispose());
}
