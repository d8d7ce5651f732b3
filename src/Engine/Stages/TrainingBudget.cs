using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Training;
using FineTuneTool.Engine.Training.Optimizers;

namespace FineTuneTool.Engine.Stages;

/// <summary>
/// Brings a run into the memory that MaxMemory allows, and says what it chose and why. Only a limit that the project states may change numbers of the
/// result: what happens to be free on a machine does not.
/// </summary>
internal static class TrainingBudget
{
    /// <summary>Whether MaxMemory can change numbers of the result.</summary>
    public static bool MayChangeNumbers(RunSettings settings) => MayLowerMicroBatches(settings) || MayQuantize(settings);

    /// <summary>
    /// Whether a stated MaxMemory leaves an adapter no other way than a base in few bits, where the project leaves that open: after everything else was
    /// given, for full rows. Of settings and model alone, so that every stage decides alike.
    /// </summary>
    public static bool AsksForQuantization(RunSettings settings, ModelFiles files)
    {
        if (!MayQuantize(settings))
        {
            return false;
        }

        using var backend = new PlanningBackend(ComputeTypes.ForTraining(settings.ComputeType), threads: 1);
        using Decoder decoder = Decoder.Load(files, backend);
        using LoraAdapter adapter = LoraAdapter.Plan(decoder, LoraSettings.From(settings));
        decoder.ActiveAdapter = adapter;
        MemoryPlan plan = Plan(settings, decoder, OptimizerKinds.Find(settings.Optimizer), long.MaxValue);
        long limit = settings.MaxMemory!.Value;
        return plan.PeakBytes(Choose(settings, plan, limit, decoder.Spec.NumHiddenLayers)) > limit;
    }

    /// <param name="rowTokens">Tokens of all training rows.</param>
    public static MemoryPlan Plan(RunSettings settings, Decoder decoder, OptimizerKind optimizer, long rowTokens, WeightStorage? layerStorage = null) =>
        new(decoder, optimizer, rows => Math.Min(rowTokens, (long)settings.MaxSeqLength * rows), layerStorage);

    /// <summary>What a run gives in order to keep to a limit in bytes.</summary>
    public static MemoryChoice Choose(RunSettings settings, MemoryPlan plan, long limit, int layers)
    {
        int wanted = settings.MicroBatchSize;
        int[] sizes = MayLowerMicroBatches(settings) ? [.. Enumerable.Range(1, wanted).Where(size => wanted % size == 0).Reverse()] : [wanted];
        return plan.Within(limit, sizes, settings.GradientCheckpointing == "auto", settings.GradientCheckpointing == "true" ? layers : 0);
    }

    /// <summary>The same for a run that begins, with a word about it.</summary>
    public static MemoryChoice Choose(StageContext context, Decoder decoder, OptimizerKind optimizer, long rowTokens)
    {
        RunSettings settings = context.Settings;
        MemoryPlan plan = Plan(settings, decoder, optimizer, rowTokens);
        long limit = settings.MaxMemory ?? plan.FreeLimit(trainedInPlace: true);
        int all = decoder.Spec.NumHiddenLayers, wanted = settings.MicroBatchSize;
        MemoryChoice choice = Choose(settings, plan, limit, all);
        long asked = plan.PeakBytes(new MemoryChoice(0, wanted)), peak = plan.PeakBytes(choice);
        context.Events.Milestone(
            $"about {MemoryPlan.Text(peak)} of memory: {MemoryPlan.Text(plan.FrozenBytes)} of weights, {MemoryPlan.Text(plan.TrainedBytes(choice))} of what is trained, {MemoryPlan.Text(plan.BatchBytes(choice))} of a batch");
        string limitText = $"{MemoryPlan.Text(limit)} {(settings.MaxMemory is null ? "are free" : "are allowed")}";
        if (choice.MicroBatchSize < wanted)
        {
            context.Events.Milestone(
                $"micro-batches of {choice.MicroBatchSize} instead of {wanted} rows, {wanted / choice.MicroBatchSize} times as many for each step: {limitText}");
        }

        if (choice.CheckpointedLayers > 0)
        {
            context.Events.Milestone(
                $"gradient checkpointing: {choice.CheckpointedLayers} of {all} layers compute again what they did not keep (about {MemoryPlan.Text(peak)} instead of {MemoryPlan.Text(asked)})");
        }

        if (choice.PagesState)
        {
            context.Events.Milestone($"the optimizer's state, {MemoryPlan.Text(optimizer.StateBytes(decoder.Trainable))}, lies in a file: {limitText}");
        }

        if (peak > limit)
        {
            context.Events.Report(new Diagnostic(
                Codes.NotEnoughMemory, $"Training will take about {MemoryPlan.Text(peak)}, but {limitText}.", Remedy(settings, choice, all),
                context.PlaceOf(nameof(RunSettings.MaxMemory)), Severity.Warning));
        }

        return choice;
    }

    private static bool MayLowerMicroBatches(RunSettings settings) => settings.MaxMemory is not null && settings.MicroBatchSize > 1;

    private static bool MayQuantize(RunSettings settings) => settings is { MaxMemory: not null, FineTuneMethod: "lora", Quantization: "auto" };

    private static string Remedy(RunSettings settings, MemoryChoice choice, int layers) =>
        choice.CheckpointedLayers < layers ? "Leave GradientCheckpointing at auto."
        : choice.MicroBatchSize > 1 ? "Lower MicroBatchSize or MaxSeqLength, or state MaxMemory, which lowers micro-batches by itself."
        : settings.FineTuneMethod == "full" ? "Lower MaxSeqLength, or train an adapter: FineTuneMethod lora or qlora."
        : settings is { FineTuneMethod: "lora", Quantization: "none" } ? "Set Quantization to auto or use FineTuneMethod qlora, so that the base model may be quantised, or lower MaxSeqLength."
        : "Lower MaxSeqLength, or choose a smaller base model.";
}
