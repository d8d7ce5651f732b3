using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>Measures a decoder, with its active adapter, on the rows of a data set.</summary>
public static class DatasetEvaluation
{
    /// <summary>Means over all supervised tokens. Rows are packed, which changes no result: attention never crosses from one row to another.</summary>
    /// <param name="maxTokens">Most tokens of one forward pass; a longer row is a pass of its own.</param>
    /// <exception cref="FineTuneException">FT0106: no token is supervised. FT1003: the loss is not a finite number.</exception>
    /// <exception cref="OperationCanceledException">The user stopped it.</exception>
    public static EvaluationMetrics Measure(
        Decoder decoder, IReadOnlyList<TokenizedExample> rows, int maxTokens, IEventSink events, string activity, CancellationToken cancellation = default)
    {
        int[] lengths = [.. rows.Select(row => row.Ids.Length)];
        int[][] batches = rows.Count == 0 ? [] : Packer.BestFitDecreasing(lengths, Math.Max(maxTokens, lengths.Max()));
        BatchLoss sum = default;
        for (int i = 0; i < batches.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            sum += decoder.Evaluate(PackedBatch.FromExamples([.. batches[i].Select(row => rows[row])]));
            events.Emit(new ProgressEvent(activity, i + 1, batches.Length));
        }

        if (sum.SupervisedTokens == 0)
        {
            throw new FineTuneException(Codes.EmptySplit, "The rows to evaluate hold no supervised token.", "Add rows to the split, or check the prompt template: no part of a row counts as an answer.");
        }

        double loss = sum.Mean;
        return double.IsFinite(loss)
            ? new EvaluationMetrics(loss, (double)sum.Correct / sum.SupervisedTokens, sum.SupervisedTokens, rows.Count)
            : throw new FineTuneException(
                Codes.LossNotFinite, "The loss of the evaluation is not a finite number.", "The weights or the adapter are damaged: use an earlier checkpoint or a smaller LearningRate.");
    }
}
