using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Training;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Training;

public class TrainerTests
{
    private static readonly TrainingSettings Settings = new()
    {
        NumEpochs = 1,
        GradientAccumulationSteps = 4,
        LearningRate = 1e-3,
        LrScheduler = "constant",
        WarmupRatio = 0,
        LoggingSteps = 1,
        LoadBestModelAtEnd = false,
    };

    [Fact]
    public void Warm_up_leaves_the_weights_unchanged_at_the_first_update()
    {
        TrainingSettings settings = Settings with { LrScheduler = "linear", WarmupSteps = 2, MaxSteps = 1 };
        using var untouched = new TinyModel();
        Assert.Equal(untouched.Values, Train(settings, RunData.Rows(4)).Values);
        Assert.NotEqual(untouched.Values, Train(settings with { MaxSteps = 2 }, RunData.Rows(4)).Values);
    }

    [Fact]
    public void Eight_micro_batches_of_one_row_are_one_of_eight_rows()
    {
        TrainingSettings settings = Settings with { MaxSteps = 3 };
        Result one = Train(settings with { MicroBatchSize = 8, GradientAccumulationSteps = 1 }, RunData.Rows(24));
        Result eight = Train(settings with { MicroBatchSize = 1, GradientAccumulationSteps = 8 }, RunData.Rows(24));
        foreach ((MetricsRow a, MetricsRow b) in one.Metrics.Zip(eight.Metrics))
        {
            Assert.Equal(a.Tokens, b.Tokens);
            Assert.Equal(a.TokenAccuracy, b.TokenAccuracy);
            Assert.Equal(a.Loss!.Value, b.Loss!.Value, 1e-5);
            Assert.Equal(a.GradNorm!.Value, b.GradNorm!.Value, 1e-4);
        }

        // Adam divides by the root of tiny second moments: rounding may move a weight by a part of the learning rate.
        Assert.InRange(one.Values.Zip(eight.Values).Max(pair => Math.Abs(pair.First - pair.Second)), 0, settings.LearningRate);
        Assert.InRange(one.Values.Zip(eight.Values).Average(pair => Math.Abs(pair.First - pair.Second)), 0, settings.LearningRate / 1000);
    }

    [Fact]
    public void A_partial_last_window_is_divided_by_its_own_supervised_tokens()
    {
        IReadOnlyList<TokenizedExample> rows = RunData.Rows(6);
        Result result = Train(Settings with { LearningRate = 0 }, rows);
        using var model = new TinyModel();
        BatchLoss last = model.Decoder.Evaluate(PackedBatch.FromExamples(rows[4], rows[5]));
        Assert.Equal(2, result.Metrics.Count);
        Assert.Equal(last.LossSum / last.SupervisedTokens, result.Metrics[1].Loss!.Value, 1e-5);
        Assert.Equal((double)last.Correct / last.SupervisedTokens, result.Metrics[1].TokenAccuracy);
        Assert.Equal([4 / 6.0, 1], result.Metrics.Select(row => row.Epoch));
    }

    [Fact]
    public void A_window_without_supervised_tokens_changes_nothing_but_decay()
    {
        TokenizedExample[] rows = [.. RunData.Rows(4).Select(row => row with { Labels = [.. row.Labels.Select(_ => TokenizedExample.Ignored)] })];
        Result result = Train(Settings with { WeightDecay = 0 }, rows);
        using var untouched = new TinyModel();
        Assert.Equal(untouched.Values, result.Values);
        Assert.Equal(0, result.Metrics[0].Loss);
    }

    [Fact]
    public void One_thread_and_two_give_the_same_bytes()
    {
        TrainingSettings settings = Settings with { NumEpochs = 2, MicroBatchSize = 3 };
        Result one = Train(settings, RunData.Rows(20)), two = Train(settings, RunData.Rows(20), threads: 2);
        Assert.Equal(one.Values, two.Values);
        Assert.Equal(one.Metrics.Select(row => row with { TokensPerSecond = null }), two.Metrics.Select(row => row with { TokensPerSecond = null }));
    }

    [Fact]
    public void The_logged_loss_is_the_mean_of_the_steps_since_the_last_one()
    {
        TrainingSettings settings = Settings with { GradientAccumulationSteps = 1 };
        double[] each = [.. Train(settings, RunData.Rows(7)).Metrics.Select(row => row.Loss!.Value)];
        IReadOnlyList<MetricsRow> logged = Train(settings with { LoggingSteps = 3 }, RunData.Rows(7)).Metrics;
        Assert.Equal([3, 6, 7], logged.Select(row => row.Step));
        Assert.Equal([each[..3].Sum() / 3, each[3..6].Sum() / 3, each[6]], logged.Select(row => row.Loss!.Value));
    }

    [Fact]
    public void A_loss_that_is_not_finite_ends_the_run_and_keeps_the_last_checkpoint()
    {
        using var folder = new TemporaryFolder();
        TrainingSettings settings = Settings with { LearningRate = 1e30, GradientAccumulationSteps = 1, SaveSteps = 1 };
        FineTuneException exception = Assert.Throws<FineTuneException>(() => Train(settings, RunData.Rows(4), folder: folder));
        Assert.Equal(Codes.LossNotFinite, exception.Diagnostic.Code);
        Assert.Contains("step 2 of 4", exception.Message);
        Assert.True(Directory.Exists(folder.File("checkpoint-1")));
        Assert.False(Directory.Exists(folder.File("checkpoint-2")));
    }

    [Fact]
    public void The_best_evaluation_becomes_the_result_and_its_checkpoint_survives()
    {
        using var folder = new TemporaryFolder();
        Result result = Train(Overfitting with { SaveTotalLimit = 2 }, RunData.Rows(6), RunData.Rows(6, seed: 9), folder: folder);
        MetricsRow best = result.Metrics.MinBy(row => row.EvalLoss)!;
        Assert.InRange(best.Step, 1, 30);
        Assert.Equal((best.Step, best.Step, best.EvalLoss), (result.Summary.BestStep, result.Summary.ResultStep, result.Summary.BestEvalLoss));
        Assert.Equal(
            new HashSet<string> { folder.File($"checkpoint-{best.Step}"), folder.File("checkpoint-40") },
            Directory.GetDirectories(folder.Path, "checkpoint-*").ToHashSet());
        Assert.Equal(
            File.ReadAllBytes(folder.File($"checkpoint-{best.Step}/model.safetensors")), File.ReadAllBytes(folder.File("model/model.safetensors")));
        Assert.NotEqual(
            File.ReadAllBytes(folder.File("checkpoint-40/model.safetensors")), File.ReadAllBytes(folder.File("model/model.safetensors")));
    }

    [Theory]
    [InlineData("EvalLoss", 1)]
    [InlineData("TokenAccuracy", 2)]
    public void The_better_evaluation_is_the_one_by_the_chosen_metric(string metric, long best)
    {
        bool byAccuracy = metric == "TokenAccuracy";
        TrainingState state = new();
        foreach ((double loss, double accuracy) in new[] { (1.0, 0.5), (1.5, 0.75), (2.0, 0.75) })
        {
            state = (state with { Step = state.Step + 1 }).Evaluated(loss, accuracy, byAccuracy, seconds: 1);
        }

        Assert.Equal((best, 3 - best), (state.BestStep, state.EvaluationsWithoutImprovement));
        Assert.Equal(byAccuracy ? (1.5, 0.75) : (1.0, 0.5), (state.BestEvalLoss, state.BestTokenAccuracy));
    }

    [Fact]
    public void The_metric_decides_which_values_are_the_result()
    {
        Result result = Train(Overfitting with { MetricForBestModel = "TokenAccuracy" }, RunData.Rows(6), RunData.Rows(6, seed: 9));
        Assert.Equal(result.Summary.BestStep, result.Summary.ResultStep);
        Assert.NotEqual(result.Metrics.MinBy(row => row.EvalLoss)!.Step, result.Summary.ResultStep);
    }

    [Fact]
    public void Validation_rows_without_a_supervised_token_are_no_evaluation()
    {
        TokenizedExample[] rows = [.. RunData.Rows(2).Select(row => row with { Labels = [.. row.Labels.Select(_ => TokenizedExample.Ignored)] })];
        Result result = Train(Settings with { MaxSteps = 2, LoadBestModelAtEnd = true }, RunData.Rows(4), rows);
        Assert.All(result.Metrics, row => Assert.Null(row.EvalLoss));
        Assert.Equal((0, 2), (result.Summary.BestStep, result.Summary.ResultStep));
    }

    [Fact]
    public void Training_stops_early_after_so_many_evaluations_without_a_better_loss()
    {
        using var folder = new TemporaryFolder();
        Result all = Train(Overfitting, RunData.Rows(6), RunData.Rows(6, seed: 9));
        Result result = Train(Overfitting with { EarlyStoppingPatience = 3 }, RunData.Rows(6), RunData.Rows(6, seed: 9), folder: folder);
        Assert.True(result.Summary.StoppedEarly);
        Assert.Equal(TrainingStatus.Completed, result.Summary.Status);
        double?[] losses = [.. result.Metrics.Select(row => row.EvalLoss)];
        Assert.Equal(losses.Length - 4, losses.IndexOf(losses.Min()));
        Assert.Equal(all.Metrics.Take(losses.Length).Select(row => row.EvalLoss), losses);
        Assert.Equal(result.Summary, TrainingSummary.Read(folder.File("training.json")));
    }

    [Fact]
    public void Events_tell_progress_metrics_evaluations_and_checkpoints()
    {
        var events = new EventLog();
        Train(Settings with { MaxSteps = 2 }, RunData.Rows(4), RunData.Rows(2), events: events);
        Assert.Equal([(1, 2), (2, 2)], events.Events.OfType<ProgressEvent>().Where(progress => progress.Activity == "train").Select(p => (p.Done, p.Total)));
        Assert.Equal([1, 2], events.Events.OfType<MetricEvent>().Select(metric => metric.Step));
        Assert.Contains("eval_loss", events.Events.OfType<MetricEvent>().Last().Values.Keys);
        string[] milestones = [.. events.Events.OfType<MilestoneEvent>().Select(milestone => milestone.Text)];
        Assert.Contains(milestones, text => text.StartsWith("Evaluation at step 2: loss ", StringComparison.Ordinal));
        Assert.Contains("Checkpoint at step 2.", milestones);
    }

    [Fact]
    public void An_unknown_optimizer_is_a_wrong_setting()
    {
        FineTuneException exception = Assert.Throws<FineTuneException>(() => Train(Settings with { Optimizer = "adamx" }, RunData.Rows(4)));
        Assert.Equal(Codes.BadSetting, exception.Diagnostic.Code);
    }

    /// <summary>So large a rate on so few rows that the validation loss soon rises.</summary>
    private static TrainingSettings Overfitting => Settings with
    {
        LearningRate = 3e-3,
        MaxSteps = 40,
        EvalSteps = 2,
        SaveSteps = 4,
        LoggingSteps = 2,
        LoadBestModelAtEnd = true,
    };

    private static Result Train(
        TrainingSettings settings, IReadOnlyList<TokenizedExample> rows, IReadOnlyList<TokenizedExample>? validation = null, int threads = 1,
        TemporaryFolder? folder = null, IEventSink? events = null)
    {
        using var own = new TemporaryFolder();
        string path = (folder ?? own).Path;
        using var model = new TinyModel(threads);
        TrainingSummary summary = new Trainer(
            model.Decoder, model.Output, settings, CurveGolden.InOrder(rows, settings.MicroBatchSize),
            validation is null ? null : CurveGolden.InOrder(validation, 2), path, events).Run();
        return new Result(summary, model.Values, MetricsCsv.Read(Path.Combine(path, "metrics.csv")));
    }

    private sealed record Result(TrainingSummary Summary, float[] Values, IReadOnlyList<MetricsRow> Metrics);
}
