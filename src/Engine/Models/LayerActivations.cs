using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// What the forward pass of one layer keeps for its backward pass. Norm outputs and the gated product are not kept: they are cheap to compute again.
/// Layers that need no backward pass share one of these, in which all three streams are the same rows.
/// </summary>
internal sealed class LayerActivations : IDisposable
{
    private readonly List<RowBuffer> _buffers = [];

    /// <param name="type">F32 or BF16; statistics are F32 always.</param>
    public LayerActivations(Backend backend, DecoderSpec spec, ElementType type)
    {
        Input = Add(spec.HiddenSize);
        Middle = Add(spec.HiddenSize);
        InputInverseRms = Add(0, ElementType.F32);
        MiddleInverseRms = Add(0, ElementType.F32);
        Query = Add(spec.QuerySize);
        Key = Add(spec.KeyValueSize);
        Value = Add(spec.KeyValueSize);
        Attended = Add(spec.QuerySize);
        LogSumExp = Add(spec.NumAttentionHeads, ElementType.F32);
        Gate = Add(spec.IntermediateSize);
        Up = Add(spec.IntermediateSize);

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

    public void Dispose() => _buffers.ForEach(buffer => buffer.Dispose());
}
