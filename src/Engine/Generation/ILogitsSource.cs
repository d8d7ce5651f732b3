namespace FineTuneTool.Engine.Generation;

/// <summary>A language model as generation sees it: the scores of the token that follows a sequence.</summary>
public interface ILogitsSource
{
    int VocabSize { get; }

    /// <summary>Most tokens of a sequence, prompt and answer together.</summary>
    int MaxLength { get; }

    /// <summary>Fills the scores of the token after <paramref name="sequence"/>. What an earlier call computed for the same beginning is used again.</summary>
    /// <param name="sequence">1 … <see cref="MaxLength"/> ids.</param>
    /// <param name="logits">(V) receives the scores.</param>
    void Next(ReadOnlySpan<int> sequence, Span<float> logits, CancellationToken cancellation);

    /// <summary>Forgets what earlier calls computed: the weights or the adapter have changed.</summary>
    void Forget();
}
