using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// What the layers of a training step keep. The lowest layers may be checkpointed (Chen et al. 2016): they keep their input, and the rest is computed
/// again when the backward pass reaches them, in rows that all of them share.
/// </summary>
internal sealed class SavedLayers(Backend backend, DecoderSpec spec) : IDisposable
{
    private readonly Dictionary<int, LayerActivations> _layers = [];

    /// <summary>For layers that keep nothing, and for what is computed again. Memory is taken when it is used.</summary>
    public LayerActivations Shared { get; } = new(backend, spec, backend.ActivationType);

    /// <summary>How many of the lowest layers are checkpointed. Other numbers give the same bits in other memory.</summary>
    public int Checkpointed
    {
        get;
        set
        {
            if (field != value)
            {
                Free();
                field = value;
            }
        }
    }

    public LayerActivations Of(int layer)
    {
        if (!_layers.TryGetValue(layer, out LayerActivations? saved))
        {
            _layers[layer] = saved = Create(layer < Checkpointed);
        }

        return saved;
    }

    /// <summary>Whether a backward pass finds rows of another layer. The highest of the checkpointed layers was the last to fill them.</summary>
    public bool NeedsRecomputing(int layer) => layer < Checkpointed - 1;

    /// <summary>Bytes for each token of a step that trains layers from <paramref name="lowest"/> on.</summary>
    public long BytesPerToken(int lowest, int checkpointed)
    {
        using LayerActivations whole = Create(checkpointed: false), part = Create(checkpointed: true);
        int parts = Math.Max(0, Math.Min(checkpointed, spec.NumHiddenLayers) - lowest), layers = spec.NumHiddenLayers - lowest;
        long shared = lowest > 0 ? Shared.BytesPerToken : parts > 0 ? Shared.BytesPerToken - Shared.Input.BytesPerRow : 0;
        return (layers - parts) * whole.BytesPerToken + parts * part.BytesPerToken + shared;
    }

    public void Dispose()
    {
        Free();
        Shared.Dispose();
    }

    private LayerActivations Create(bool checkpointed) => new(backend, spec, backend.ActivationType, checkpointed ? Shared : null);

    private void Free()
    {
        foreach (LayerActivations saved in _layers.Values)
        {
            saved.Dispose();
        }

        _layers.Clear();
    }
}
