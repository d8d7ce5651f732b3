using FineTuneTool.Engine.Diagnostics;
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
    /// <summary>Whether MaxMemory can change the micro-batches, and with them the result.</summary>
    public static bool MayLowerMicroBatches(RunSettings settings) => settings.MaxMemory is not null && settings.MicroBatchSize > 1;

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

    private static string Remedy(RunSettings settings, MemoryChoice choice, int layers) =>
        choice.CheckpointedLayers < layers ? "Leave GradientCheckpointing at auto."
        : choice.MicroBatchSize > 1 ? "Lower MicroBatchSize or MaxSeqLength, or state MaxMemory, which lowers micro-batches by itself."
        : settings.FineTuneMethod == "full" ? "Lower MaxSeqLength, or train an adapter: FineTuneMethod lora or qlora."
        : "Lower MaxSeqLength, use FineTuneMethod qlora, which quantises the base model, or choose a smaller one.";
}
