using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Training;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Training;

/// <summary>A run that was stopped or killed anywhere, and then run again, ends with the bytes of a run without interruption.</summary>
public class ResumeTests
{
    private static readonly TrainingSettings Settings = new()
    {
        NumEpochs = 4,
        MicroBatchSize = 2,
        GradientAccumulationSteps = 2,
        LearningRate = 2e-3,
        WarmupSteps = 2,
        EvalSteps = 3,
        SaveSteps = 2,
        LoggingSteps = 4,
    };

    private static readonly Lazy<Outcome> Uninterrupted = new(() =>
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(TrainingStatus.Completed, Run(folder).Status);
        return Outcome.Of(folder);
    });

    public static TheoryData<int> StopSteps => [1, 3, 4, 7];

    [Theory]
    [MemberData(nameof(StopSteps))]
    public void Stopping_and_resuming_changes_nothing(int stopStep)
    {
        using var folder = new TemporaryFolder();
        using var stop = new CancellationTokenSource();
        var events = new EventLog(engineEvent => StopAt(engineEvent, "train", stopStep, stop));
        TrainingSummary stopped = Run(folder, events, stop.Token);
        Assert.Equal(TrainingStatus.Stopped, stopped.Status);
        Assert.Equal(stopStep, stopped.Step);
        Assert.False(Directory.Exists(folder.File("model")));
        Assert.Equal(TrainingStatus.Completed, Run(folder).Status);
        Uninterrupted.Value.AssertSame(Outcome.Of(folder));
    }

    [Fact]
    public void Dropout_goes_on_where_it_stood()
    {
        byte[] whole = AdapterAfter(stopStep: 0);
        Assert.True(whole.AsSpan().SequenceEqual(AdapterAfter(stopStep: 3)), "the results differ");
        Assert.False(whole.AsSpan().SequenceEqual(AdapterAfter(stopStep: 0, dropout: 0)), "dropout has no effect");

        static byte[] AdapterAfter(int stopStep, double dropout = 0.2)
        {
            using var folder = new TemporaryFolder();
            using var stop = new CancellationTokenSource();
            TrainingStatus status = RunOnce(new EventLog(engineEvent => StopAt(engineEvent, "train", stopStep, stop)));
            Assert.Equal(stopStep > 0 ? TrainingStatus.Stopped : TrainingStatus.Completed, status);
            Assert.Equal(TrainingStatus.Completed, RunOnce(NullEventSink.Instance));
            return File.ReadAllBytes(folder.File("adapter/adapter_model.safetensors"));

            TrainingStatus RunOnce(IEventSink events)
            {
                using var model = new TinyModel(TinyModel.PathOf("llama"), null, new LoraSettings { Rank = 4, Alpha = 8, Dropout = dropout });
                return Trainer(model, folder, Settings, events).Run(events is EventLog ? stop.Token : default).Status;
            }
        }
    }

    [Theory]
    [InlineData("dora")]
    [InlineData("pissa")]
    [InlineData("whole modules")]
    [InlineData("projected prefix")]
    public void Every_kind_of_adapter_goes_on_where_it_stood(string kind)
    {
        Assert.True(AdapterAfter(stopStep: 0).AsSpan().SequenceEqual(AdapterAfter(stopStep: 3)), "the results differ");

        byte[] AdapterAfter(int stopStep)
        {
            using var folder = new TemporaryFolder();
            using var stop = new CancellationTokenSource();
            RunOnce(new EventLog(engineEvent => StopAt(engineEvent, "train", stopStep, stop)));
            Assert.Equal(TrainingStatus.Completed, RunOnce(NullEventSink.Instance));
            return File.ReadAllBytes(folder.File("adapter/adapter_model.safetensors"));

            TrainingStatus RunOnce(IEventSink events)
            {
                using var model = new TinyModel(TinyModel.PathOf("llama"), decoder => kind == "projected prefix"
                    ? PrefixAdapter.Create(decoder, new PrefixSettings(3, Projection: true), seed: 11)
                    : LoraAdapter.Create(decoder, SettingsOf(kind), seed: 11));
                return Trainer(model, folder, Settings, events).Run(events is EventLog ? stop.Token : default).Status;
            }
        }

        static LoraSettings SettingsOf(string kind) => kind switch
        {
            "dora" => new LoraSettings { Rank = 4, Alpha = 8, Dropout = 0.2, UseDora = true },
            "pissa" => new LoraSettings { Rank = 4, Alpha = 8, Init = "pissa" },
            _ => new LoraSettings { Rank = 4, Alpha = 8, LoraBias = true, ModulesToSave = ["norm", "embed_tokens"] },
        };
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(2, 0)]
    public void Going_on_with_other_checkpointed_layers_changes_nothing(int first, int second)
    {
        using var folder = new TemporaryFolder();
        using var stop = new CancellationTokenSource();
        Assert.Equal(TrainingStatus.Stopped, RunWith(first, new EventLog(engineEvent => StopAt(engineEvent, "train", 4, stop)), stop.Token));
        Assert.Equal(TrainingStatus.Completed, RunWith(second, NullEventSink.Instance, default));
        Uninterrupted.Value.AssertSame(Outcome.Of(folder));

        TrainingStatus RunWith(int layers, IEventSink events, CancellationToken token)
        {
            using var model = new TinyModel();
            model.Decoder.CheckpointedLayers = layers;
            return Trainer(model, folder, Settings, events).Run(token).Status;
        }
    }

    [Fact]
    public void Being_killed_while_a_checkpoint_is_written_changes_nothing()
    {
        for (int write = 1; write <= 4; write++)
        {
            using var folder = new TemporaryFolder();
            using (var model = new TinyModel())
            {
                var output = new FailingOutput(model.Output, write);
                var trainer = new Trainer(
                    model.Decoder, output, Settings, RunData.Shuffled(21, Settings.MicroBatchSize), RunData.Shuffled(6, 1, seed: 2), folder.Path);
                Assert.Throws<KilledException>(() => trainer.Run());
            }

            Run(folder);
            Uninterrupted.Value.AssertSame(Outcome.Of(folder));
        }
    }

    [Fact]
    public void Stopping_inside_an_evaluation_leaves_it_to_the_next_run()
    {
        using var folder = new TemporaryFolder();
        using var stop = new CancellationTokenSource();
        var events = new EventLog(engineEvent => StopAt(engineEvent, "evaluate", 1, stop));
        Assert.Equal(TrainingStatus.Stopped, Run(folder, events, stop.Token).Status);
        Assert.DoesNotContain(MetricsCsv.Read(folder.File("metrics.csv")), row => row.EvalLoss is not null);
        Run(folder);
        Uninterrupted.Value.AssertSame(Outcome.Of(folder));
    }

    [Fact]
    public void A_stop_before_the_first_step_does_nothing()
    {
        using var folder = new TemporaryFolder();
        TrainingSummary summary = Run(folder, stop: new CancellationToken(canceled: true));
        Assert.Equal((TrainingStatus.Stopped, 0), (summary.Status, summary.Step));
        Run(folder);
        Uninterrupted.Value.AssertSame(Outcome.Of(folder));
    }

    [Fact]
    public void Being_killed_at_any_event_changes_nothing()
    {
        var counting = new EventLog();
        using (var folder = new TemporaryFolder())
        {
            Run(folder, counting);
        }

        for (int killed = 0; killed < counting.Events.Count; killed += 3)
        {
            using var folder = new TemporaryFolder();
            int seen = 0;
            var events = new EventLog(_ =>
            {
                if (seen++ == killed)
                {
                    throw new KilledException();
                }
            });
            Assert.Throws<KilledException>(() => Run(folder, events));
            File.AppendAllText(folder.File("metrics.csv"), "12,0.5");
            Directory.CreateDirectory(folder.File("checkpoint-6.0123.tmp"));
            Run(folder);
            Uninterrupted.Value.AssertSame(Outcome.Of(folder));
            Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path, "*.tmp"));
        }
    }

    [Fact]
    public void A_finished_run_ends_at_once_with_the_same_result()
    {
        using var folder = new TemporaryFolder();
        Run(folder);
        var events = new EventLog();
        Assert.Equal(TrainingStatus.Completed, Run(folder, events).Status);
        Assert.DoesNotContain(events.Events, engineEvent => engineEvent is ProgressEvent);
        Uninterrupted.Value.AssertSame(Outcome.Of(folder));
    }

    [Theory]
    [InlineData("training_state.safetensors", true)]
    [InlineData("model.safetensors", true)]
    [InlineData("checkpoint.json", true)]
    [InlineData("checkpoint.json", false)]
    [InlineData("training_state.safetensors", false)]
    public void A_damaged_checkpoint_is_left_out_with_a_warning(string file, bool deleted)
    {
        using var folder = new TemporaryFolder();
        StopAfter(folder, 6);
        string newest = Path.Combine(folder.File("checkpoint-6"), file);
        if (deleted)
        {
            File.Delete(newest);
        }
        else
        {
            byte[] bytes = File.ReadAllBytes(newest);
            bytes[^(bytes.Length / 3)] ^= 1;
            File.WriteAllBytes(newest, bytes);
        }

        var events = new EventLog();
        Run(folder, events);
        Diagnostic warning = Assert.Single(events.Diagnostics);
        Assert.Equal((Codes.BadCheckpoint, Severity.Warning), (warning.Code, warning.Severity));
        Assert.Contains("checkpoint-6", warning.Message);
        Assert.Contains(events.Events, engineEvent => engineEvent is MilestoneEvent { Text: var text } && text.Contains("from step 3"));
        Uninterrupted.Value.AssertSame(Outcome.Of(folder));
    }

    [Fact]
    public void A_checkpoint_that_points_out_of_its_folder_is_damaged()
    {
        using var folder = new TemporaryFolder();
        StopAfter(folder, 2);
        string marker = Path.Combine(folder.File("checkpoint-2"), "checkpoint.json");
        File.WriteAllText(marker, File.ReadAllText(marker).Replace("model.safetensors", "../metrics.csv"));
        var events = new EventLog();
        Run(folder, events);
        Assert.Equal(Codes.BadCheckpoint, Assert.Single(events.Diagnostics).Code);
        Uninterrupted.Value.AssertSame(Outcome.Of(folder));
    }

    [Fact]
    public void A_checkpoint_of_other_settings_is_not_resumed()
    {
        using var folder = new TemporaryFolder();
        StopAfter(folder, 4);
        var events = new EventLog();
        using var model = new TinyModel();
        Trainer(model, folder, Settings with { LearningRate = 1e-3 }, events).Run();
        Assert.All(events.Diagnostics, diagnostic => Assert.Contains("other settings", diagnostic.Message));
        Assert.Equal(1, MetricsCsv.Read(folder.File("metrics.csv")).Count(row => row.Step == 4));
        Assert.DoesNotContain(events.Events, engineEvent => engineEvent is MilestoneEvent { Text: var text } && text.Contains("Going on"));
    }

    private static void StopAfter(TemporaryFolder folder, int step)
    {
        using var stop = new CancellationTokenSource();
        Run(folder, new EventLog(engineEvent => StopAt(engineEvent, "train", step, stop)), stop.Token);
    }

    private static void StopAt(EngineEvent engineEvent, string activity, long done, CancellationTokenSource stop)
    {
        if (engineEvent is ProgressEvent progress && progress.Activity == activity && progress.Done == done)
        {
            stop.Cancel();
        }
    }

    private static Trainer Trainer(TinyModel model, TemporaryFolder folder, TrainingSettings settings, IEventSink? events) =>
        new(model.Decoder, model.Output, settings, RunData.Shuffled(21, settings.MicroBatchSize), RunData.Shuffled(6, 1, seed: 2), folder.Path, events);

    private static TrainingSummary Run(TemporaryFolder folder, IEventSink? events = null, CancellationToken stop = default)
    {
        using var model = new TinyModel();
        return Trainer(model, folder, Settings, events).Run(stop);
    }

    /// <summary>Dies in the n-th write, after some of it is on the disk.</summary>
    private sealed class FailingOutput(ITrainedOutput output, int failing) : ITrainedOutput
    {
        private int _writes;

        public string FolderName => output.FolderName;

        public void Write(string folder)
        {
            output.Write(folder);
            if (++_writes == failing)
            {
                throw new KilledException();
            }
        }
    }

    private sealed class KilledException : Exception;

    /// <summary>What must not differ: the result's bytes, and the metrics but for their speed.</summary>
    private sealed record Outcome(byte[] Model, IReadOnlyList<MetricsRow> Metrics)
    {
        public static Outcome Of(TemporaryFolder folder) => new(
            File.ReadAllBytes(folder.File("model/model.safetensors")),
            [.. MetricsCsv.Read(folder.File("metrics.csv")).Select(row => row with { TokensPerSecond = null })]);

        public void AssertSame(Outcome other)
        {
            Assert.Equal(Metrics, other.Metrics);
            Assert.True(Model.AsSpan().SequenceEqual(other.Model), "the results differ");
        }
    }
}
