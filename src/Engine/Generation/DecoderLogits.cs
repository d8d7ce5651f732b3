using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Generation;

/// <summary>
/// The scores of a decoder with its active adapter. A cache keeps keys and values of the sequence asked for last: the next call computes only what
/// follows the longest common beginning of the two. After the adapter was switched, call <see cref="Forget"/>.
/// </summary>
public sealed class DecoderLogits : ILogitsSource, IDisposable
{
    /// <summary>Tokens between two looks at the wish to stop.</summary>
    private const int PrefillTokens = 256;

    private readonly Decoder _decoder;
    private readonly KvCache _cache;
    private readonly List<int> _cached = [];

    /// <param name="maxLength">Most tokens of a sequence; at most what the model was made for. Memory grows only as far as sequences do.</param>
    public DecoderLogits(Decoder decoder, int maxLength = int.MaxValue)
    {
        _decoder = decoder;
        MaxLength = Math.Min(maxLength, decoder.Spec.MaxPositionEmbeddings);
        _cache = decoder.CreateCache(MaxLength);
    }

    public int VocabSize => _decoder.Spec.VocabSize;

    public int MaxLength { get; }

    public void Next(ReadOnlySpan<int> sequence, Span<float> logits, CancellationToken cancellation)
    {
        // The last token is computed again even where the cache holds it: its scores are what was asked for.
        int known = Math.Min(sequence.CommonPrefixLength(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_cached)), sequence.Length - 1);
        Truncate(known);
        for (int first = known; first < sequence.Length; first += PrefillTokens)
        {
            cancellation.ThrowIfCancellationRequested();
            ReadOnlySpan<int> part = sequence[first..Math.Min(sequence.Length, first + PrefillTokens)];
            _decoder.Append(_cache, part, logits);
            _cached.AddRange(part);
        }
    }

    public void Forget() => Truncate(0);

    public void Dispose() => _cache.Dispose();

    private void Truncate(int length)
    {
        _cache.Truncate(length);
        _cached.RemoveRange(length, _cached.Count - length);
    }
}
