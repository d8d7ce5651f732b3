using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// Keys and values of one growing document, per layer (rows, KV·D) F32. Memory grows by doubling up to <see cref="Capacity"/> rows.
/// A cache belongs to the decoder that made it and to the adapter that was active while it was filled.
/// </summary>
public sealed class KvCache : IDisposable
{
    private const int FirstRows = 256;
    private readonly Backend _backend;
    private readonly long _columns;
    private readonly List<int> _ids = [];
    private int _rows;
    private int _ropeVariant;
    private int _virtual;

    internal KvCache(Backend backend, DecoderSpec spec, int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        (_backend, _columns, Capacity) = (backend, spec.KeyValueSize, capacity);
        _rows = Math.Min(capacity, FirstRows);
        Layers = [.. Enumerable.Range(0, spec.NumHiddenLayers).Select(_ => new Layer(Allocate(_rows), Allocate(_rows)))];
    }

    /// <summary>Tokens it may hold.</summary>
    public int Capacity { get; }

    /// <summary>Tokens it holds.</summary>
    public int Length => _ids.Count;

    /// <summary>Rows that are filled: those of virtual tokens and of tokens.</summary>
    internal int Positions => _virtual + Length;

    internal Layer[] Layers { get; }

    /// <summary>Forgets all but the first <paramref name="length"/> tokens.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        _ids.RemoveRange(length, Length - length);
    }

    public void Reset() => _ids.Clear();

    /// <summary>
    /// Makes room for more tokens and gives those whose keys are to be made: with longrope all of them, when the document passes the length at which
    /// frequencies change. <see cref="InvalidOperationException"/> above the capacity.
    /// </summary>
    /// <param name="virtualTokens">Rows that a document has before its first token.</param>
    internal ReadOnlySpan<int> Begin(ReadOnlySpan<int> ids, RopeParameters rope, int virtualTokens)
    {
        if (Length == 0)
        {
            _virtual = virtualTokens;
        }

        Reserve(ids.Length);
        int variant = rope.RopeType == RopeType.LongRope ? rope.Variant(Positions + ids.Length) : 0;
        if (Length > 0 && variant != _ropeVariant)
        {
            ids = (int[])[.. _ids, .. ids];
            Reset();
        }

        _ropeVariant = variant;
        return ids;
    }

    internal void Advance(ReadOnlySpan<int> ids) => _ids.AddRange(ids);

    public void Dispose()
    {
        foreach (Layer layer in Layers)
        {
            layer.Keys.Dispose();
            layer.Values.Dispose();
        }
    }

    private void Reserve(int tokens)
    {
        if (checked(Length + tokens) > Capacity)
        {
            throw new InvalidOperationException($"{Length} tokens and {tokens} more do not fit in a cache of {Capacity}.");
        }

        int needed = checked(Positions + tokens);
        if (needed <= _rows)
        {
            return;
        }

        _rows = (int)Math.Min((long)_virtual + Capacity, Math.Max(needed, 2L * _rows));
        for (int i = 0; i < Layers.Length; i++)
        {
            Layers[i] = new Layer(Grow(Layers[i].Keys), Grow(Layers[i].Values));
        }
    }

    private Tensor Allocate(int rows) => _backend.Allocate(new Shape(rows, _columns));

    private Tensor Grow(Tensor old)
    {
        Tensor grown = Allocate(_rows);
        if (Length > 0)
        {
            _backend.Copy(old.Rows(0, Positions), grown.Rows(0, Positions));
        }

        old.Dispose();
        return grown;
    }

    internal readonly record struct Layer(Tensor Keys, Tensor Values);
}
