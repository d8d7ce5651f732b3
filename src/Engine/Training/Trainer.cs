using System.Diagnostics;
using System.Globalization;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Training.Optimizers;
using FineTuneTool.Engine.Training.Schedules;

namespace FineTuneTool.Engine.Training;

/// <summary>
/// Trains what <see cref="Decoder.Trainable"/> holds, an adapter or all weights, and leaves in its folder: the output, metrics.csv,
/// TensorBoard events, checkpoint-N folders and training.json. Called again on the same folder it goes on from the newest sound
/// checkpoint and ends with the same bytes as a run without interruption.
/// </summary>
/// <param name="validation">Evaluated as training goes; null, or without a supervised token, = no evaluation.</param>
/// <param name="folder">Of this run alone; made where it is missing.</param>
/// <param name="memory">Where the optimizer keeps its state; null = in memory.</param>
/// <param name="inputs">What else decides the result, such as a stage key; checkpoints made under another text are not resumed from.</param>
public sealed class Trainer(
    Decoder decoder,
    ITrainedOutput output,
    TrainingSettings settings,
    TrainingBatches training,
    TrainingBatches? validation,
    string folder,
    IEventSink? events = null,
    string inputs = "",
    OptimizerMemory? memory = null)
{
    /// <summary>Value, two moments, and the value in the output.</summary>
    private const long BytesPerParameter = 4 * sizeof(float);

    /// <summary>The best, the newest, and the one being written.</summary>
    private const long LeastCheckpoints = 3;

    private readonly IEventSink _events = events ?? NullEventSink.Instance;
    private readonly TrainingPlan _plan = new(settings, training.BatchesPerEpoch);
    private readonly LrSchedule _schedule = LrSchedules.Find(settings.LrScheduler);
    private readonly OptimizerKind _optimizerKind = OptimizerKinds.Find(settings.Optimizer);

    /// <param name="stop">Asks to end: the running step is finished, a checkpoint is written, and the summary says Stopped.</param>
    /// <exception cref="FineTuneException">FT1003: a loss or gradient is not finite. The last checkpoint stays.</exception>
    public TrainingSummary Run(CancellationToken stop = default)
    {
        Directory.CreateDirectory(folder);
        DiskSpace.Require(folder, LeastCheckpoints * BytesPerParameter * decoder.Trainable.Count);
        using Optimizer optimizer = _optimizerKind.Create(decoder.Backend, decoder.Trainable, settings, memory ?? new OptimizerMemory(decoder.Backend));
        decoder.EmbeddingNoiseAlpha = settings.NeftuneNoiseAlpha;
        var step = new TrainStep(decoder, optimizer, settings);
        var checkpoints = new CheckpointStore(
            folder, RunIdentity.Of(decoder.Trainable, settings, training, validation, inputs), settings.SaveTotalLimit);
        checkpoints.DeleteRemains();
        TrainingState state = Resume(checkpoints, optimizer);
        using (TrainingLog log = TrainingLog.Open(folder, state, _events))
        {
            bool stopping = stop.IsCancellationRequested;
            while (!stopping && !IsFinished(state))
            {
                state = state.EvaluationPending ? state : Take(step, state);
                state = Evaluate(state, stop);
                state = log.Write(state, _plan);
                stopping = stop.IsCancellationRequested;
                if (stopping || IsSaveDue(state))
                {
                    checkpoints.Write(state, decoder, optimizer, output);
                    _events.Milestone($"Checkpoint at step {state.Step}.");
                }
            }
        }

        return Finish(state, checkpoints);
    }

    private bool IsFinished(TrainingState state) => !state.EvaluationPending && (state.Step >= _plan.TotalSteps || StopsEarly(state));

    private bool StopsEarly(TrainingState state) =>
        settings.EarlyStoppingPatience > 0 && state.EvaluationsWithoutImprovement >= settings.EarlyStoppingPatience;

    private bool IsSaveDue(TrainingState state) =>
        _plan.SavesAfter(state.Step) || StopsEarly(state) || (settings.LoadBestModelAtEnd && state.BestStep == state.Step);

    private TrainingState Resume(CheckpointStore checkpoints, Optimizer optimizer)
    {
        if (checkpoints.Newest(_events) is not Checkpoint checkpoint)
        {
            return new TrainingState();
        }

        checkpoint.Restore(decoder, optimizer);
        _events.Milestone($"Going on from step {checkpoint.State.Step} of {_plan.TotalSteps}.");
        return checkpoint.State;
    }

    private TrainingState Take(TrainStep step, TrainingState state)
    {
        long number = state.Step + 1;
        long started = Stopwatch.GetTimestamp();
        double rate = _schedule.LearningRate(state.Step, LrScheduleSettings.From(settings, _plan.TotalSteps));
        StepResult result = step.Run(Batches(number), rate, number);
        if (!double.IsFinite(result.Loss) || !double.IsFinite(result.GradNorm))
        {
            throw NotFinite(double.IsFinite(result.Loss) ? "gradient" : "loss", number);
        }

        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        _events.Emit(new ProgressEvent("train", number, _plan.TotalSteps, string.Create(
            CultureInfo.InvariantCulture, $"loss {result.Loss:F4}, {result.Tokens / seconds:F0} tokens/s")));
        return state.After(result, _plan.EpochsAfter(number), seconds);
    }

    private IEnumerable<(PackedBatch Batch, long Number)> Batches(long step)
    {
        StepWindow window = _plan.Window(step);
        for (int index = window.First; index < window.First + window.Count; index++)
        {
            yield return (training.Batch(window.Epoch, index), window.Epoch * _plan.BatchesPerEpoch + index);
        }
    }

    /// <summary>The evaluation that is due after a step; left pending where it is stopped half-way.</summary>
    private TrainingState Evaluate(TrainingState state, CancellationToken stop)
    {
        if (validation is null || !_plan.EvaluatesAfter(state.Step))
        {
            return state;
        }

        long started = Stopwatch.GetTimestamp();
        BatchLoss sum = default;
        for (int index = 0; index < validation.BatchesPerEpoch; index++)
        {
            if (stop.IsCancellationRequested)
            {
                return state with { EvaluationPending = true };
            }

            sum += decoder.Evaluate(validation.Batch(0, index));
            _events.Emit(new ProgressEvent("evaluate", index + 1, validation.BatchesPerEpoch));
        }

        if (sum.SupervisedTokens == 0)
        {
            return state with { EvaluationPending = false };
        }

        double loss = sum.Mean;
        if (!double.IsFinite(loss))
        {
            throw NotFinite("evaluation loss", state.Step);
        }

        TrainingState evaluated = state.Evaluated(
            loss, (double)sum.Correct / sum.SupervisedTokens, settings.MetricForBestModel == "TokenAccuracy", Stopwatch.GetElapsedTime(started).TotalSeconds);
        string verdict = evaluated.BestStep == state.Step ? "the best so far" : $"the best is step {evaluated.BestStep}";
        _events.Milestone(string.Create(CultureInfo.InvariantCulture, $"Evaluation at step {state.Step}: loss {loss:F4}, {verdict}."));
        if (StopsEarly(evaluated))
        {
            _events.Milestone($"Early stop: {evaluated.EvaluationsWithoutImprovement} evaluations without a better one.");
        }

        return evaluated;
    }

    private TrainingSummary Finish(TrainingState state, CheckpointStore checkpoints)
    {
        bool finished = IsFinished(state);
        long resultStep = finished ? state.Step : 0;
        if (finished)
        {
            if (settings.LoadBestModelAtEnd && state.BestStep > 0 && state.BestStep < state.Step
                && checkpoints.TryOpen(state.BestStep, _events) is Checkpoint best)
            {
                best.RestoreValues(decoder);
                resultStep = state.BestStep;
                _events.Milestone($"The result is that of step {resultStep}, the best evaluation.");
            }

            AtomicFolder.Write(Path.Combine(folder, output.FolderName), output.Write);
        }

        var summary = TrainingSummary.Of(state, finished ? TrainingStatus.Completed : TrainingStatus.Stopped, resultStep) with
        {
            TotalSteps = _plan.TotalSteps,
            StoppedEarly = finished && state.Step < _plan.TotalSteps,
            TrainableParameters = decoder.Trainable.Count,
        };
        summary.Write(Path.Combine(folder, TrainingSummary.FileName));
        return summary;
    }

    private FineTuneException NotFinite(string what, long step) => new(
        Codes.LossNotFinite,
        $"The {what} at step {step} of {_plan.TotalSteps} is not a finite number.",
        "Lower LearningRate, lengthen the warm-up, or keep MaxGradNorm at 1; look for odd rows in the data. Checkpoints from before this step are kept.");
}
