using System.Runtime.InteropServices;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Generation;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>A likely next token and the logarithm of its probability.</summary>
public readonly record struct TokenChance(int Id, double LogProbability);

/// <summary>How likely a model finds a sequence.</summary>
/// <param name="Ids">The sequence.</param>
/// <param name="Nll">Negative log-likelihood in nats of each id but the first, given those before it.</param>
/// <param name="Top">For each position the likeliest next tokens, best first; empty where none were asked for.</param>
public sealed record SequenceScore(IReadOnlyList<int> Ids, IReadOnlyList<double> Nll, IReadOnlyList<IReadOnlyList<TokenChance>> Top)
{
    /// <summary>Scores computed by one forward pass at a time; a longer sequence takes several.</summary>
    private const int ScoresAtOnce = 1 << 26;

    /// <summary>Mean of <see cref="Nll"/>; not a number for a sequence of one token.</summary>
    public double Mean => Nll.Count == 0 ? double.NaN : Nll.Sum() / Nll.Count;

    public double Perplexity => Math.Exp(Mean);

    /// <summary>Scores a sequence with the decoder's active adapter.</summary>
    /// <param name="ids">1 or more ids below the size of the vocabulary.</param>
    /// <param name="top">How many of the likeliest next tokens to list at each position.</param>
    /// <exception cref="FineTuneException">FT0001, FT1006: the ids do not fit the model. FT1005: its scores are not numbers.</exception>
    public static SequenceScore Measure(Decoder decoder, int[] ids, int top = 0, CancellationToken cancellation = default)
    {
        TokenIds.Check(ids, decoder.Spec.VocabSize, decoder.Spec.MaxPositionEmbeddings);
        List<double> nll = [];
        List<IReadOnlyList<TokenChance>> likeliest = [];
        foreach ((int row, float[] scores) in Rows(decoder, ids, cancellation))
        {
            double logSum = LogSum(scores);
            if (row + 1 < ids.Length)
            {
                nll.Add(logSum - scores[ids[row + 1]]);
            }

            if (top > 0)
            {
                likeliest.Add([.. Likeliest(scores, top).Select(id => new TokenChance(id, scores[id] - logSum))]);
            }
        }

        return new SequenceScore(ids, nll, likeliest);
    }

    /// <summary>Writes the scores of every position as safetensors: <c>logits</c> F32 (T, V) and <c>ids</c> I32 (T).</summary>
    public static void WriteLogits(string path, Decoder decoder, int[] ids, CancellationToken cancellation = default)
    {
        TokenIds.Check(ids, decoder.Spec.VocabSize, decoder.Spec.MaxPositionEmbeddings);
        var shape = new Shape(ids.Length, decoder.Spec.VocabSize);
        SafetensorsWriter.Write(path,
        [
            new TensorSource("logits", ElementType.F32, shape, stream =>
            {
                foreach ((_, float[] scores) in Rows(decoder, ids, cancellation))
                {
                    stream.Write(MemoryMarshal.AsBytes(scores.AsSpan()));
                }
            }),
            new TensorSource("ids", ElementType.I32, new Shape(ids.Length), stream => stream.Write(MemoryMarshal.AsBytes(ids.AsSpan()))),
        ]);
    }

    /// <summary>Each position with its (V) scores; the array is used again for the next.</summary>
    private static IEnumerable<(int Row, float[] Scores)> Rows(Decoder decoder, int[] ids, CancellationToken cancellation)
    {
        int vocabulary = decoder.Spec.VocabSize, rowsAtOnce = Math.Clamp(ScoresAtOnce / vocabulary, 1, ids.Length);
        PackedBatch batch = PackedBatch.FromExamples(new TokenizedExample(ids, ids));
        float[] block = new float[rowsAtOnce * vocabulary], scores = new float[vocabulary];
        for (int first = 0; first < ids.Length; first += rowsAtOnce)
        {
            cancellation.ThrowIfCancellationRequested();
            int[] rows = [.. Enumerable.Range(first, Math.Min(rowsAtOnce, ids.Length - first))];
            decoder.Logits(batch, rows, block.AsSpan(0, rows.Length * vocabulary));
            for (int i = 0; i < rows.Length; i++)
            {
                block.AsSpan(i * vocabulary, vocabulary).CopyTo(scores);
                yield return (rows[i], scores);
            }
        }
    }

    private static double LogSum(float[] scores)
    {
        float largest = scores[Sampler.ArgMax(scores)];
        double sum = 0;
        foreach (float score in scores)
        {
            sum += Math.Exp((double)score - largest);
        }

        return largest + Math.Log(sum);
    }

    private static IEnumerable<int> Likeliest(float[] scores, int count) =>
        Enumerable.Range(0, scores.Length).OrderByDescending(id => scores[id]).ThenBy(id => id).Take(count);
}
