using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Training;
using FineTuneTool.Engine.Training.Optimizers;

namespace FineTuneTool.Engine.Speed;

/// <summary>How fast an adapter is trained in one way of holding the base model.</summary>
public sealed record TrainingSpeed
{
    /// <summary>Kernel path.</summary>
    public required string Backend { get; init; }

    public required int Threads { get; init; }

    /// <summary>Tokens of one step.</summary>
    public required int Tokens { get; init; }

    public required int SupervisedTokens { get; init; }

    /// <summary>Weights of the base model.</summary>
    public required long Parameters { get; init; }

    public required long TrainedParameters { get; init; }

    /// <summary>Seconds of each timed step, in the order they ran.</summary>
    public required IReadOnlyList<double> Seconds { get; init; }

    /// <summary>Loss of the last step in nats a token: a sign that the step did its work.</summary>
    public required double Loss { get; init; }

    public required TrainingWork Work { get; init; }

    /// <summary>Where the time of the best step went, the longest first.</summary>
    public required IReadOnlyList<OperationTime> Operations { get; init; }

    /// <summary>See <see cref="PeakMemory"/>; of the process until the last step.</summary>
    public required long? PeakBytes { get; init; }

    /// <summary>FLOP/s of the large product right after the steps; see <see cref="MachineCeiling.ProductFlops"/>.</summary>
    public required double ProductFlops { get; init; }

    public double TokensPerSecond => Tokens / Seconds.Min();

    /// <summary>
    /// Times whole optimizer steps: LoRA (alpha = 2·rank, no dropout) on every linear layer but the head, forward, backward, clipping and AdamW.
    /// </summary>
    public static TrainingSpeed Measure(ModelFiles files, TrainingMode mode, SpeedSettings settings, CancellationToken cancellation)
    {
        TrainingSpeed speed = Steps(files, mode, settings, cancellation);
        return speed with { ProductFlops = ProductRate.Measure(settings.ActivationType, speed.Threads) };
    }

    private static TrainingSpeed Steps(ModelFiles files, TrainingMode mode, SpeedSettings settings, CancellationToken cancellation)
    {
        using var backend = new TimedBackend(CpuBackend.Create(settings.Threads, activationType: settings.ActivationType));
        using Decoder decoder = mode.Load(files, backend);
        using LoraAdapter adapter = LoraAdapter.Create(decoder, new LoraSettings { Rank = settings.Rank, Alpha = 2 * settings.Rank }, seed: 1);
        decoder.ActiveAdapter = adapter;
        decoder.CheckpointedLayers = settings.GradientCheckpointing ? decoder.Spec.NumHiddenLayers : 0;
        var training = new TrainingSettings();
        using Optimizer optimizer = OptimizerKinds.Find(training.Optimizer).Create(backend, decoder.Trainable, training, new OptimizerMemory(backend));
        var step = new TrainStep(decoder, optimizer, training);
        PackedBatch batch = Batch(settings, decoder.Spec.VocabSize);
        var seconds = new List<double>();
        IReadOnlyList<OperationTime> operations = [];
        double loss = 0;
        for (int run = 0; run <= settings.Runs; run++)
        {
            cancellation.ThrowIfCancellationRequested();
            backend.Reset();
            double time = Clock.Seconds(() => loss = step.Run([(batch, run)], training.LearningRate, run + 1).Loss);
            if (run == 0)
            {
                continue;
            }

            operations = seconds.Count == 0 || time < seconds.Min() ? backend.Times : operations;
            seconds.Add(time);
        }

        return new TrainingSpeed
        {
            Backend = backend.Name,
            Threads = backend.Threads,
            Tokens = batch.Tokens,
            SupervisedTokens = batch.SupervisedTokens,
            Parameters = decoder.Weights.Sum(weight => weight.Shape.Count),
            TrainedParameters = decoder.Trainable.Count,
            Seconds = seconds,
            Loss = loss,
            Work = TrainingWork.Of(decoder, batch),
            Operations = operations,
            PeakBytes = PeakMemory.Bytes(),
            ProductFlops = 0,
        };
    }

    /// <summary>Documents of random tokens.</summary>
    private static PackedBatch Batch(SpeedSettings settings, int vocabulary)
    {
        var random = new CounterRandom(1, RandomPurpose.Sampling);
        int firstLearnt = settings.SequenceLength - (int)Math.Round(settings.SupervisedShare * settings.SequenceLength);
        return PackedBatch.FromExamples([.. Enumerable.Range(0, settings.Rows).Select(row =>
        {
            int[] ids = [.. Enumerable.Range(0, settings.SequenceLength).Select(i => (int)(random.UInt32((ulong)((long)row * settings.SequenceLength + i)) % (uint)vocabulary))];
            return new TokenizedExample(ids, [.. ids.Select((id, i) => i < firstLearnt ? TokenizedExample.Ignored : id)]);
        })]);
    }
}
