using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>New tokens of one document over a cache. They are F32 whatever whole batches are.</summary>
internal sealed class Continuation(Backend backend, DecoderSpec spec, DecoderParts parts, LanguageHead head) : IDisposable
{
    /// <summary>New tokens that go through the layers at the same time.</summary>
    private const int RowsAtOnce = 512;

    private Scratch? _scratch;
    private LayerActivations? _rows;

    /// <summary>See <see cref="Decoder.Append"/>.</summary>
    public void Append(KvCache cache, ReadOnlySpan<int> ids, Adapter? adapter, Span<float> lastLogits)
    {
        ids = cache.Begin(ids, spec.Rope, adapter?.VirtualTokens ?? 0);
        int length = cache.Positions + ids.Length;
        if (cache.Length == 0)
        {
            AppendVirtualTokens(cache, adapter, length);
        }

        for (int first = 0; first < ids.Length; first += RowsAtOnce)
        {
            ReadOnlySpan<int> chunk = ids[first..Math.Min(ids.Length, first + RowsAtOnce)];
            Pass pass = PassOver(cache.Positions, chunk.Length, length);
            Tensor stream = Rows.Input.Take(chunk.Length);
            parts.Embedding.Forward(pass, chunk, stream);
            Run(pass, stream, cache);
            cache.Advance(chunk);
            if (first + chunk.Length == ids.Length)
            {
                head.Logits(pass, stream, [chunk.Length - 1], lastLogits);
            }
        }
    }

    public void Dispose()
    {
        _rows?.Dispose();
        _scratch?.Dispose();
    }

    private LayerActivations Rows => _rows ??= new LayerActivations(backend, spec, ElementType.F32);

    /// <summary>Fills the first rows of the cache: with the keys and values of a prefix, or with those that the embeddings of a prompt give.</summary>
    private void AppendVirtualTokens(KvCache cache, Adapter? adapter, int length)
    {
        for (int layer = 0; layer < adapter?.Prefix?.Count; layer++)
        {
            PrefixStates states = adapter.Prefix[layer];
            backend.Copy(states.Keys, cache.Layers[layer].Keys.Rows(0, states.Count));
            backend.Copy(states.Values, cache.Layers[layer].Values.Rows(0, states.Count));
        }

        if (adapter?.Prompt is { } prompt)
        {
            Pass pass = PassOver(0, prompt.Count, length);
            Tensor stream = Rows.Input.Take(prompt.Count);
            prompt.Forward(backend, pass.DocumentStarts, stream);
            Run(pass, stream, cache);
        }
    }

    private Pass PassOver(int first, int count, int length) =>
        new(backend, [.. Enumerable.Range(first, count)], [0, count], DocumentLength: length);

    private void Run(Pass pass, Tensor stream, KvCache cache)
    {
        _scratch ??= new Scratch(backend, spec, ElementType.F32);
        for (int layer = 0; layer < parts.Layers.Count; layer++)
        {
            parts.Layers[layer].Append(pass, Rows, _scratch, stream, cache.Layers[layer]);
        }
    }
}
