using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Speed;

/// <summary>
/// Floating point operations that a training step of an adapter needs for one token of its batch. What is computed twice in order to save memory counts once.
/// </summary>
/// <param name="Frozen">Frozen linear layers of P weights: 2·P forward, 2·P for the gradient of their input.</param>
/// <param name="Head">Output head at supervised positions: logits and the gradient of its input, 4·V·C.</param>
/// <param name="LowRank">Branches of rank R: 6·R·(inputs + outputs) of each.</param>
/// <param name="Attention">Forward, and 2.5 times that backward.</param>
public sealed record TrainingWork(double Frozen, double Head, double LowRank, double Attention)
{
    /// <summary>All of it.</summary>
    public double PerToken => Frozen + Head + LowRank + Attention;

    /// <summary>The work of one batch with the active adapter of a decoder, divided by its tokens.</summary>
    public static TrainingWork Of(Decoder decoder, PackedBatch batch)
    {
        double frozen = decoder.Linears.Where(linear => linear.Path != Decoder.HeadPath).Sum(linear => (double)linear.Weight.Shape.Count);
        double branches = decoder.ActiveAdapter?.Branches.Values.OfType<LowRankBranch>().Sum(branch => (double)branch.A.Shape.Count + branch.B.Shape.Count) ?? 0;
        double attention = 0;
        for (int layer = 0; layer < decoder.Spec.NumHiddenLayers; layer++)
        {
            AttentionShape shape = decoder.Spec.AttentionOf(layer);
            attention += batch.DocumentStarts.Zip(batch.DocumentStarts.Skip(1)).Sum(document => OperationFlops.Attention(document.Second - document.First, shape));
        }

        return new TrainingWork(
            4 * frozen,
            4.0 * decoder.Spec.VocabSize * decoder.Spec.HiddenSize * batch.SupervisedTokens / batch.Tokens,
            6 * branches,
            (1 + OperationFlops.AttentionBackwardFactor) * attention / batch.Tokens);
    }
}
