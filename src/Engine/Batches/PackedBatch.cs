namespace FineTuneTool.Engine.Batches;

/// <summary>
/// One row of a data set as the model sees it. Labels stand beside the ids they repeat; −100 = not learnt (the convention of the field).
/// </summary>
/// <param name="Ids">Token ids, length n ≥ 1.</param>
/// <param name="Labels">Length n; each equal to the id beside it or −100.</param>
public sealed record TokenizedExample(int[] Ids, int[] Labels)
{
    public const int Ignored = -100;

    /// <summary>How much each label counts in the loss, length n, above 0 where it is learnt; null = all alike.</summary>
    public float[]? Weights { get; init; }

    /// <summary>Labels that can be learnt: those after the first position, since the first token has nothing before it.</summary>
    public int SupervisedTokens => Labels.AsSpan(1).Length - Labels.AsSpan(1).Count(Ignored);
}

/// <summary>
/// Documents one after another without padding: attention never crosses a document's start and positions begin again at 0.
/// </summary>
public sealed class PackedBatch
{
    private PackedBatch(int[] ids, int[] positions, int[] targets, int[] documentStarts, float[]? weights)
    {
        Ids = ids;
        Positions = positions;
        Targets = targets;
        DocumentStarts = documentStarts;
        Weights = weights;
        SupervisedTokens = targets.Length - targets.AsSpan().Count(TokenizedExample.Ignored);
    }

    /// <summary>(T) token ids.</summary>
    public int[] Ids { get; }

    /// <summary>(T) position of each token in its document.</summary>
    public int[] Positions { get; }

    /// <summary>(T) the id to predict at each row (the label of the next token of the same document), or −100.</summary>
    public int[] Targets { get; }

    /// <summary>(T) how much each target counts in the loss; null = all alike.</summary>
    public float[]? Weights { get; }

    /// <summary>(D + 1) first row of each document, then T.</summary>
    public int[] DocumentStarts { get; }

    public int Tokens => Ids.Length;

    public int SupervisedTokens { get; }

    /// <summary>The same documents, each behind <paramref name="count"/> rows that stand for no token: id 0, nothing to predict.</summary>
    public PackedBatch WithRowsBefore(int count)
    {
        int documents = DocumentStarts.Length - 1, tokens = checked(Tokens + documents * count);
        int[] ids = new int[tokens], positions = new int[tokens], targets = new int[tokens];
        float[]? weights = Weights is null ? null : new float[tokens];
        int[] starts = [.. DocumentStarts.Select((start, document) => start + document * count)];
        for (int document = 0; document < documents; document++)
        {
            int from = DocumentStarts[document], length = DocumentStarts[document + 1] - from, to = starts[document];
            Ids.AsSpan(from, length).CopyTo(ids.AsSpan(to + count));
            Targets.AsSpan(from, length).CopyTo(targets.AsSpan(to + count));
            targets.AsSpan(to, count).Fill(TokenizedExample.Ignored);
            Weights?.AsSpan(from, length).CopyTo(weights.AsSpan(to + count));
            for (int i = 0; i < count + length; i++)
            {
                positions[to + i] = i;
            }
        }

        return new PackedBatch(ids, positions, targets, starts, weights);
    }

    /// <summary>Where rows of a batch are after <see cref="WithRowsBefore"/> made this one from it.</summary>
    public int[] RowsBehind(int count, ReadOnlySpan<int> rows)
    {
        int[] tokens = count == 0 ? [] : [.. Enumerable.Range(0, Tokens).Where(row => Positions[row] >= count)], moved = rows.ToArray();
        return count == 0 ? moved : [.. moved.Select(row => tokens[row])];
    }

    public static PackedBatch FromExamples(params IReadOnlyList<TokenizedExample> examples)
    {
        int tokens = examples.Sum(example => example.Ids.Length);
        int[] ids = new int[tokens], positions = new int[tokens], targets = new int[tokens];
        float[]? weights = examples.Any(example => example.Weights is not null) ? new float[tokens] : null;
        int[] starts = new int[examples.Count + 1];
        int row = 0;
        for (int document = 0; document < examples.Count; document++)
        {
            (int[] documentIds, int[] labels) = examples[document];
            float[]? documentWeights = examples[document].Weights;
            starts[document] = row;
            for (int i = 0; i < documentIds.Length; i++, row++)
            {
                ids[row] = documentIds[i];
                positions[row] = i;
                targets[row] = i + 1 < documentIds.Length ? labels[i + 1] : TokenizedExample.Ignored;
                if (weights is not null && i + 1 < documentIds.Length)
                {
                    weights[row] = documentWeights is null ? 1 : documentWeights[i + 1];
                }
            }
        }

        starts[^1] = row;
        return new PackedBatch(ids, positions, targets, starts, weights);
    }
}
