using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Generation;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>
/// Adapter = merged = GGUF: runs other model files on the prompts of a reference (a base with its adapter, or a trained model) and judges whether
/// they are the same model but for the rounding of their element type. The reference's answers are computed once and kept.
/// </summary>
public sealed class ParityCheck
{
    /// <summary>Greedy tokens of each prompt.</summary>
    private const int ContinuationTokens = 16;

    /// <summary>Prompts of several languages and forms, for where a project has none.</summary>
    public static IReadOnlyList<string> DefaultPrompts { get; } =
    [
        "The old lighthouse keeper climbed the stairs every evening because",
        "def fibonacci(n):\n    \"\"\"Return the n-th Fibonacci number.\"\"\"\n",
        "대한민국 헌법 제1조는",
        "Q: What is 17 + 25?\nA:",
    ];

    private readonly List<ParitySample> _samples = [];

    /// <param name="reference">With the adapter active; it is switched off and on again.</param>
    public ParityCheck(Decoder reference, Tokenizer tokenizer, IReadOnlyList<string> prompts, CancellationToken cancellation = default)
    {
        Adapter? adapter = reference.ActiveAdapter;
        foreach (string prompt in prompts)
        {
            int[] ids = tokenizer.EncodeIds(prompt);
            if (ids.Length == 0 || ids.Length + ContinuationTokens > reference.Spec.MaxPositionEmbeddings)
            {
                continue;
            }

            int[] all = [.. ids, .. Continue(reference, tokenizer, ids, cancellation)];
            int[] rows = [.. Enumerable.Range(ids.Length - 1, all.Length - ids.Length)];
            float[] scores = Scores(reference, all, rows);
            float[]? baseScores = null;
            if (adapter is not null)
            {
                reference.ActiveAdapter = null;
                try
                {
                    baseScores = Scores(reference, all, rows);
                }
                finally
                {
                    reference.ActiveAdapter = adapter;
                }
            }

            _samples.Add(new ParitySample(prompt, all, ids.Length, rows, scores, baseScores));
        }

        if (_samples.Count == 0)
        {
            throw new ArgumentException("No prompt has a token and fits the context.", nameof(prompts));
        }
    }

    /// <summary>Compares a model with the reference.</summary>
    /// <param name="file">What the candidate was read from, for messages.</param>
    /// <param name="type">The coarsest type of its matrices (<see cref="ParityBounds.Coarsest"/>).</param>
    public ParityResult Compare(string file, Decoder candidate, Tokenizer tokenizer, ElementType type, CancellationToken cancellation = default)
    {
        double bound = ParityBounds.ScoreError(type);
        var sums = new ScoreDifference();
        int equal = 0, total = 0;
        string? failure = null;
        foreach (ParitySample sample in _samples)
        {
            cancellation.ThrowIfCancellationRequested();
            ReadOnlySpan<int> prompt = sample.Ids.AsSpan(0, sample.PromptTokens);
            int vocabulary = sample.Scores.Length / sample.Rows.Length;
            if (candidate.Spec.VocabSize != vocabulary)
            {
                return Unlike(file, type, bound, $"it scores {candidate.Spec.VocabSize} tokens instead of {vocabulary}");
            }

            if (!prompt.SequenceEqual(tokenizer.EncodeIds(sample.Prompt)))
            {
                return Unlike(file, type, bound, "its tokenizer splits a prompt into other tokens");
            }

            float[] scores = Scores(candidate, sample.Ids, sample.Rows);
            double largest = sums.Add(sample.Scores, scores, sample.BaseScores, vocabulary);
            if (!sums.IsFinite)
            {
                return Unlike(file, type, bound, "some of its scores are not numbers");
            }

            int[] said = Continue(candidate, tokenizer, prompt.ToArray(), cancellation);
            int same = sample.Ids.AsSpan(sample.PromptTokens).CommonPrefixLength(said);
            equal += same;
            total += said.Length;
            if (same < said.Length && Margin(sample, same, vocabulary) > 2 * largest + 1e-3)
            {
                failure = "its greedy answer leaves the reference's where the scores leave no doubt, so that generation is wrong rather than rounded";
            }
        }

        failure = sums.Failure(bound, type) ?? failure;
        return new ParityResult(file, type, sums.RelativeError, bound, sums.MaxError, sums.Divergence, sums.SameTop, equal, total, sums.AdapterShare, failure);
    }

    private static ParityResult Unlike(string file, ElementType type, double bound, string failure) =>
        new(file, type, double.NaN, bound, double.NaN, double.NaN, 0, 0, 0, null, failure);

    private static int[] Continue(Decoder decoder, Tokenizer tokenizer, int[] prompt, CancellationToken cancellation)
    {
        using var source = new DecoderLogits(decoder, prompt.Length + ContinuationTokens);
        var options = new GenerationOptions(SamplingSettings.Greedy with { MaxNewTokens = ContinuationTokens });
        return [.. new Generator(source, tokenizer).Generate(prompt, options, cancellation: cancellation).Ids];
    }

    private static float[] Scores(Decoder decoder, int[] ids, int[] rows)
    {
        float[] scores = new float[checked(rows.Length * decoder.Spec.VocabSize)];
        decoder.Logits(PackedBatch.FromExamples(new TokenizedExample(ids, ids)), rows, scores);
        return scores;
    }

    /// <summary>By how much the reference preferred the token that it said.</summary>
    private static float Margin(ParitySample sample, int row, int vocabulary)
    {
        ReadOnlySpan<float> scores = sample.Scores.AsSpan(row * vocabulary, vocabulary);
        int best = Sampler.ArgMax(scores);
        float second = float.NegativeInfinity;
        for (int id = 0; id < scores.Length; id++)
        {
            second = id == best ? second : Math.Max(second, scores[id]);
        }

        return scores[best] - second;
    }
}
