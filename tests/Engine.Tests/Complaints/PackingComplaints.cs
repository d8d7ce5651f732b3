using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tests.Training;
using FineTuneTool.Engine.Training;
using FineTuneTool.TestKit;
using TinyModel = FineTuneTool.Engine.Tests.Training.TinyModel;

namespace FineTuneTool.Engine.Tests.Complaints;

/// <summary>Packing and the mathematics of the loss, as users of such tools complain about them.</summary>
public class PackingComplaints
{
    private static readonly TrainingSettings Settings = new()
    {
        NumEpochs = 1,
        LearningRate = 1e-3,
        LrScheduler = "constant",
        WarmupRatio = 0,
        LoggingSteps = 1,
        LoadBestModelAtEnd = false,
    };

    /// <summary>Rows of a pack saw each other.</summary>
    [Fact]
    public void Packed_rows_have_the_loss_they_have_alone()
    {
        using var model = new TinyModel();
        TokenizedExample[] rows = [.. RunData.Rows(5)];
        BatchLoss packed = model.Decoder.Evaluate(PackedBatch.FromExamples(rows)), alone = default;
        foreach (TokenizedExample row in rows)
        {
            alone += model.Decoder.Evaluate(PackedBatch.FromExamples(row));
        }

        Assert.Equal((alone.SupervisedTokens, alone.Correct), (packed.SupervisedTokens, packed.Correct));
        Assert.Equal(alone.LossSum, packed.LossSum, alone.LossSum * 1e-6);
    }

    /// <summary>Losses in training and evaluation differed with packing on or off.</summary>
    [Fact]
    public void Loss_is_the_same_with_packing_on_or_off()
    {
        using var model = new TinyModel();
        IReadOnlyList<TokenizedExample> rows = RunData.Rows(17);
        (int Batches, BatchLoss Loss)[] both = [.. new[] { true, false }.Select(packs =>
        {
            var sampler = new BatchSampler([.. rows.Select(row => row.Ids.Length)], new BatchSamplerSettings(MaxSeqLength: 40, MicroBatchSize: 2, packs, ShuffleData: false));
            BatchLoss sum = default;
            for (int i = 0; i < sampler.BatchesPerEpoch; i++)
            {
                sum += model.Decoder.Evaluate(sampler.Batch(rows, 0, i));
            }

            return (sampler.BatchesPerEpoch, sum);
        })];
        Assert.True(both[0].Batches < both[1].Batches);
        Assert.Equal(both[1].Loss.SupervisedTokens, both[0].Loss.SupervisedTokens);
        Assert.Equal(both[1].Loss.LossSum, both[0].Loss.LossSum, both[1].Loss.LossSum * 1e-6);
    }

    /// <summary>Gradient accumulation took the mean of means.</summary>
    [Fact]
    public void Accumulated_batches_learn_what_one_large_batch_learns()
    {
        IReadOnlyList<TokenizedExample> rows = RunData.Rows(8);
        Assert.True(rows.Select(row => row.SupervisedTokens).Distinct().Count() > 2);
        IReadOnlyList<MetricsRow> large = Train(Settings with { MicroBatchSize = 8, GradientAccumulationSteps = 1, NumEpochs = 3 }, rows);
        IReadOnlyList<MetricsRow> accumulated = Train(Settings with { MicroBatchSize = 1, GradientAccumulationSteps = 8, NumEpochs = 3 }, rows);
        Assert.Equal(3, large.Count);
        foreach ((MetricsRow one, MetricsRow eight) in large.Zip(accumulated))
        {
            Assert.Equal(one.Loss!.Value, eight.Loss!.Value, 1e-5);
            Assert.Equal(one.GradNorm!.Value, eight.GradNorm!.Value, 1e-4);
        }
    }

    /// <summary>The last window of an epoch, which is short, was divided by a whole one's count.</summary>
    [Fact]
    public void The_last_short_window_counts_its_own_tokens()
    {
        IReadOnlyList<TokenizedExample> rows = RunData.Rows(6);
        MetricsRow last = Train(Settings with { GradientAccumulationSteps = 4, LearningRate = 0 }, rows)[^1];
        using var model = new TinyModel();
        BatchLoss own = model.Decoder.Evaluate(PackedBatch.FromExamples(rows[4], rows[5]));
        Assert.Equal(own.LossSum / own.SupervisedTokens, last.Loss!.Value, 1e-5);
    }

    private static IReadOnlyList<MetricsRow> Train(TrainingSettings settings, IReadOnlyList<TokenizedExample> rows)
    {
        using var folder = new TemporaryFolder();
        using var model = new TinyModel();
        new Trainer(model.Decoder, model.Output, settings, CurveGolden.InOrder(rows, settings.MicroBatchSize), null, folder.Path, null).Run();
        return MetricsCsv.Read(folder["metrics.csv"]);
    }
}
