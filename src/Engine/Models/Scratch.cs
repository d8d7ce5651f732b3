using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>Rows that one layer after another uses and leaves: nothing here outlives the layer that wrote it, but for the stream's gradient.</summary>
internal sealed class Scratch : IDisposable
{
    private readonly List<RowBuffer> _buffers = [];

    /// <param name="type">F32 or BF16.</param>
    public Scratch(Backend backend, DecoderSpec spec, ElementType type)
    {
        Normed = Add(spec.HiddenSize);
        Hidden = Add(spec.IntermediateSize);
        DStream = Add(spec.HiddenSize);
        DNormed = Add(spec.HiddenSize);
        DHidden = Add(spec.IntermediateSize);
        DAttended = Add(spec.QuerySize);
        DQuery = Add(spec.QuerySize);
        DKey = Add(spec.KeyValueSize);
        DValue = Add(spec.KeyValueSize);
        DProjectedKey = spec.QueryKeyNorm ? Add(spec.KeyValueSize) : null;
        QueryKeyValue = spec.FusedProjections ? Add(spec.QuerySize + 2 * spec.KeyValueSize) : null;
        GateUp = spec.FusedProjections ? Add(2 * spec.IntermediateSize) : null;

        RowBuffer Add(long columns)
        {
            var buffer = new RowBuffer(backend, columns, type);
            _buffers.Add(buffer);
            return buffer;
        }
    }

    /// <summary>(T, C) output of a norm.</summary>
    public RowBuffer Normed { get; }

    /// <summary>(T, F) gated product; gradient of Up in the backward pass.</summary>
    public RowBuffer Hidden { get; }

    /// <summary>(T, C) gradient of the residual stream.</summary>
    public RowBuffer DStream { get; }

    /// <summary>(T, C)</summary>
    public RowBuffer DNormed { get; }

    /// <summary>(T, F) gradient of the gated product, then of Gate.</summary>
    public RowBuffer DHidden { get; }

    /// <summary>(T, H·D)</summary>
    public RowBuffer DAttended { get; }

    /// <summary>(T, H·D)</summary>
    public RowBuffer DQuery { get; }

    /// <summary>(T, KV·D)</summary>
    public RowBuffer DKey { get; }

    /// <summary>(T, KV·D)</summary>
    public RowBuffer DValue { get; }

    /// <summary>(T, KV·D) gradient of keys before their norm.</summary>
    public RowBuffer? DProjectedKey { get; }

    /// <summary>(T, (H + 2·KV)·D) what a fused projection makes, then its gradient.</summary>
    public RowBuffer? QueryKeyValue { get; }

    /// <summary>(T, 2·F) what a fused projection makes, then its gradient.</summary>
    public RowBuffer? GateUp { get; }

    public long BytesPerToken => _buffers.Sum(buffer => buffer.BytesPerRow);

    public void Dispose() => _buffers.ForEach(buffer => buffer.Dispose());
}
