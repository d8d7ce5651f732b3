using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Training;
using FineTuneTool.Engine.Training.Optimizers;

namespace FineTuneTool.Engine.Stages;

/// <summary>
/// What each method of fine-tuning would take with the settings of a project. The model's own code runs on a backend that computes nothing, so that
/// methods can be compared on a machine that could not run them; how fast this machine is comes from a short real step.
/// </summary>
/// <param name="request">Settings that say nothing for a method take its defaults.</param>
/// <param name="rowTokens">Tokens of all training rows; null where no data are known.</param>
public sealed class MethodEstimator(ProjectRequest request, long? rowTokens)
{
    /// <summary>Limits to the tokens of the batch whose operations are counted and timed: fewer would be slower than training is, more take long.</summary>
    private const int LeastProbeTokens = 256, MostProbeTokens = 2048;

    /// <summary>Operations of the batch, about: some seconds of a processor.</summary>
    private const double ProbeFlops = 2e12;

    /// <summary>Steps that are timed, after one that warms up. The best counts.</summary>
    private const int ProbeSteps = 2;

    /// <summary>An estimate for each method that can train the model: of one without weights, full alone.</summary>
    /// <exception cref="FineTuneException">Settings or model are wrong.</exception>
    public IReadOnlyList<MethodEstimate> Methods() => [.. SettingTable.Methods.Select(Context).Where(Trains).Select(Estimate)];

    /// <summary>Operations a second of a real training step with a method.</summary>
    public double MeasureFlops(string method)
    {
        StageContext context = Context(method);
        using var backend = new TimedBackend(CpuBackend.Create(request.Threads, activationType: context.ActivationType));
        using ModelFiles files = ModelFiles.Open(context.BaseModel);
        using Decoder decoder = Decoder.Load(files, backend, BaseStorage.Of(context.Settings, files, SourcePosition.None), initial: context.InitialWeights);
        using Adapter? adapter = TrainStage.Prepare(context, decoder);
        PackedBatch batch = Batch(decoder, context.Settings);
        double best = double.MaxValue;
        for (int step = 0; step <= ProbeSteps; step++)
        {
            context.Stop.ThrowIfCancellationRequested();
            backend.Reset();
            decoder.ForwardBackward(batch, 0, (ulong)step);
            best = step == 0 ? best : Math.Min(best, backend.Times.Sum(time => time.Seconds));
        }

        return backend.Times.Sum(time => time.Flops) / best;
    }

    private static bool Trains(StageContext context)
    {
        using ModelFiles files = ModelFiles.Open(context.BaseModel);
        return files.HasWeights || context.Settings.IsFull;
    }

    private MethodEstimate Estimate(StageContext context)
    {
        RunSettings settings = context.Settings;
        using var backend = new TimedBackend(new PlanningBackend(context.ActivationType, 1));
        using ModelFiles files = ModelFiles.Open(context.BaseModel);
        using Decoder decoder = Decoder.Load(files, backend, initial: context.InitialWeights is { } initial ? initial with { Planned = true } : null);
        using Adapter? adapter = TrainStage.Prepare(context, decoder, planned: true);
        PackedBatch batch = Batch(decoder, settings);
        decoder.ForwardBackward(batch, 0, 0);
        double flops = backend.Times.Sum(time => time.Flops) / batch.Tokens;
        OptimizerKind optimizer = OptimizerKinds.Find(settings.Optimizer);
        MemoryPlan plan = TrainingBudget.Plan(settings, decoder, optimizer, rowTokens ?? long.MaxValue, BaseStorage.Of(settings, files, SourcePosition.None));
        long limit = settings.MaxMemory ?? plan.FreeLimit(trainedInPlace: false);
        MemoryChoice choice = TrainingBudget.Choose(settings, plan, limit, decoder.Spec.NumHiddenLayers);
        return new MethodEstimate(
            settings.FineTuneMethod, decoder.Trainable.Count, plan.FrozenBytes, plan.TrainedBytes(choice), plan.BatchBytes(choice), plan.PeakBytes(choice),
            choice, plan.PeakBytes(choice) <= limit, flops);
    }

    /// <summary>Full rows, as many tokens as a batch of the run has but no more than the limits.</summary>
    private static PackedBatch Batch(Decoder decoder, RunSettings settings)
    {
        double flopsPerToken = 4.0 * decoder.Weights.Sum(weight => weight.Shape.Count);
        long tokens = Math.Min(Math.Clamp((long)(ProbeFlops / flopsPerToken), LeastProbeTokens, MostProbeTokens), (long)settings.MaxSeqLength * settings.MicroBatchSize);
        int length = (int)Math.Min(settings.MaxSeqLength, tokens);
        int[] ids = [.. Enumerable.Range(0, length).Select(i => i % decoder.Spec.VocabSize)];
        return PackedBatch.FromExamples([.. Enumerable.Repeat(new TokenizedExample(ids, ids), (int)(tokens / length))]);
    }

    /// <summary>
    /// The project as if it named that method: what is the default of its own method, which a build writes out, is that of the other. An adapter to start
    /// from belongs to one method, and numbers that it begins with take time for nothing.
    /// </summary>
    private StageContext Context(string method)
    {
        string own = request.Settings.GetValueOrDefault(nameof(RunSettings.FineTuneMethod))?.Value ?? method;
        var texts = request.Settings
            .Where(text => text.Key is not ("InitialAdapter" or "LoraInit") && (method == own || SettingTable.Find(text.Key)?.DefaultFor(own) != text.Value.Value))
            .ToDictionary(StringComparer.Ordinal);
        texts[nameof(RunSettings.FineTuneMethod)] = new SettingText(method);
        if (method == "qlora" && texts.GetValueOrDefault(nameof(RunSettings.Quantization))?.Value == "none")
        {
            texts.Remove(nameof(RunSettings.Quantization));
        }

        return new StageContext(request with { Settings = texts }, NullEventSink.Instance);
    }
}
