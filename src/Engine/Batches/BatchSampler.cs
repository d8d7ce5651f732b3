using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Batches;

/// <summary>How examples become micro-batches.</summary>
/// <param name="MaxSeqLength">Tokens of a packed row.</param>
/// <param name="MicroBatchSize">Rows per forward pass; the last micro-batch of an epoch may have fewer.</param>
/// <param name="SamplePacking">A row holds as many examples as fit; otherwise one.</param>
/// <param name="ShuffleData">A new order of the rows in every epoch; otherwise the order of the file.</param>
public sealed record BatchSamplerSettings(int MaxSeqLength, int MicroBatchSize, bool SamplePacking = true, bool ShuffleData = true, ulong Seed = 42);

/// <summary>
/// Says which examples are in which micro-batch. The answer depends on settings, lengths, epoch and index alone,
/// so that resuming is a seek. Packed rows are made once; shuffling permutes whole rows.
/// Without shuffling, packed rows follow their earliest example, and the examples of a row keep their order.
/// </summary>
public sealed class BatchSampler
{
    private readonly BatchSamplerSettings _settings;
    private readonly int[][] _rows;
    private (long Epoch, int[]? Order) _cached = (-1, null);

    /// <param name="lengths">Tokens of each example.</param>
    public BatchSampler(ReadOnlySpan<int> lengths, BatchSamplerSettings settings)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(settings.MicroBatchSize, 1);
        _settings = settings;
        _rows = settings.SamplePacking
            ? Packer.BestFitDecreasing(lengths, settings.MaxSeqLength)
            : [.. Enumerable.Range(0, lengths.Length).Select(example => new[] { example })];
        if (settings.SamplePacking && !settings.ShuffleData)
        {
            _rows = [.. _rows.Select(row => row.Order().ToArray()).OrderBy(row => row[0])];
        }
    }

    public BatchSampler(TokenizedDataset dataset, BatchSamplerSettings settings)
        : this(dataset.Lengths, settings)
    {
    }

    /// <summary>Rows of an epoch: packed rows, or examples.</summary>
    public int RowsPerEpoch => _rows.Length;

    public int BatchesPerEpoch => (int)(((long)_rows.Length + _settings.MicroBatchSize - 1) / _settings.MicroBatchSize);

    /// <summary>Indices of the examples of a micro-batch, in the order they stand in it.</summary>
    public int[] Examples(long epoch, int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        if ((uint)index >= (uint)BatchesPerEpoch)
        {
            throw new ArgumentOutOfRangeException(nameof(index), $"Micro-batch {index} of {BatchesPerEpoch}.");
        }

        int first = index * _settings.MicroBatchSize;
        int end = (int)Math.Min((long)first + _settings.MicroBatchSize, _rows.Length);
        int[]? order = Order(epoch);
        return [.. Enumerable.Range(first, end - first).SelectMany(row => _rows[order is null ? row : order[row]])];
    }

    /// <summary>The micro-batch itself.</summary>
    public PackedBatch Batch(IReadOnlyList<TokenizedExample> dataset, long epoch, int index) =>
        PackedBatch.FromExamples([.. Examples(epoch, index).Select(example => dataset[example])]);

    private int[]? Order(long epoch)
    {
        if (_settings.ShuffleData && _cached.Epoch != epoch)
        {
            _cached = (epoch, new CounterRandom(_settings.Seed, RandomPurpose.Shuffle, (ulong)epoch).Permutation(_rows.Length));
        }

        return _cached.Order;
    }
}
