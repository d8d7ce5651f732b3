using FineTuneTool.Engine.Batches;

namespace FineTuneTool.Engine.Training;

/// <summary>Tokenised rows and the sampler that cuts them into micro-batches.</summary>
public sealed record TrainingBatches(IReadOnlyList<TokenizedExample> Rows, BatchSampler Sampler)
{
    public TrainingBatches(TokenizedDataset rows, BatchSamplerSettings settings)
        : this(rows, new BatchSampler(rows, settings))
    {
    }

    public TrainingBatches(IReadOnlyList<TokenizedExample> rows, BatchSamplerSettings settings)
        : this(rows, new BatchSampler([.. rows.Select(row => row.Ids.Length)], settings))
    {
    }

    public int BatchesPerEpoch => Sampler.BatchesPerEpoch;

    public PackedBatch Batch(long epoch, int index) => Sampler.Batch(Rows, epoch, index);
}
