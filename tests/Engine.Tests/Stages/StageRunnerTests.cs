using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Stages;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Stages;

public sealed class StageRunnerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly RecordingEvents _events = new();

    public void Dispose() => _folder.Dispose();

    private StageContext Context(string learningRate = "1e-4", string rank = "16")
    {
        var project = new ProjectLocation("p", _folder.File("p.finetune"), _folder.Path, _folder.File("obj/p"), _folder.File("bin/p"));
        var settings = new Dictionary<string, SettingText>
        {
            ["BaseModel"] = new("model.gguf"),
            ["LearningRate"] = new(learningRate),
            ["LoraRank"] = new(rank),
        };
        return new StageContext(new ProjectRequest(1, project, settings, []), _events);
    }

    /// <summary>Reads the learning rate only; counts its runs.</summary>
    private sealed class Probe : Stage
    {
        public int Runs { get; private set; }

        public Exception? Failure { get; init; }

        public override string Name => "probe";

        public override IEnumerable<KeyLine> KeyLines(StageContext context) => context.SettingLines("LearningRate");

        public override IReadOnlyDictionary<string, string>? Run(StageContext context, string folder)
        {
            Runs++;
            File.WriteAllText(Path.Combine(folder, "result.txt"), context.Settings["LearningRate"]);
            return Failure is null ? new Dictionary<string, string> { ["result"] = "result.txt" } : throw Failure;
        }
    }

    [Fact]
    public void A_second_run_with_the_same_inputs_does_nothing()
    {
        var probe = new Probe();
        StageResult first = StageRunner.Run(probe, Context());
        StageResult second = StageRunner.Run(probe, Context());
        Assert.Equal((StageStatus.Done, StageStatus.UpToDate, 1), (first.Status, second.Status, probe.Runs));
        Assert.Equal(first.Outputs["result"], second.Outputs["result"]);
        Assert.Equal("0.0001", File.ReadAllText(second.Outputs["result"]));
    }

    [Fact]
    public void A_setting_that_the_stage_does_not_read_does_not_run_it()
    {
        var probe = new Probe();
        StageRunner.Run(probe, Context(rank: "16"));
        Assert.Equal(StageStatus.UpToDate, StageRunner.Run(probe, Context(rank: "32")).Status);
    }

    [Fact]
    public void A_changed_setting_runs_it_again_and_the_log_says_why()
    {
        var probe = new Probe();
        StageRunner.Run(probe, Context("1e-4"));
        StageRunner.Run(probe, Context("3e-4"));
        Assert.Equal(2, probe.Runs);
        Assert.Equal("probe runs again: LearningRate 0.0001 → 0.0003", _events.Milestones.Last());
    }

    [Fact]
    public void Going_back_to_an_earlier_value_finds_the_earlier_result()
    {
        var probe = new Probe();
        StageResult first = StageRunner.Run(probe, Context("1e-4"));
        StageRunner.Run(probe, Context("3e-4"));
        Assert.Equal(StageStatus.UpToDate, StageRunner.Run(probe, Context("1e-4")).Status);
        Assert.Equal(first.Folder, ProjectResults.LatestFolder(_folder.File("obj/p"), "probe"));
    }

    [Fact]
    public void A_deleted_output_runs_it_again()
    {
        var probe = new Probe();
        File.Delete(StageRunner.Run(probe, Context()).Outputs["result"]);
        Assert.Equal(StageStatus.Done, StageRunner.Run(probe, Context()).Status);
    }

    [Fact]
    public void A_failed_run_leaves_no_result_and_earlier_ones_intact()
    {
        StageResult good = StageRunner.Run(new Probe(), Context("1e-4"));
        Assert.Throws<IOException>(() => StageRunner.Run(new Probe { Failure = new IOException("full") }, Context("3e-4")));
        Assert.False(Directory.Exists(Context("3e-4").FolderOf(new Probe())));
        Assert.Equal("0.0001", File.ReadAllText(good.Outputs["result"]));
    }

    [Fact]
    public void A_result_is_found_from_the_project_alone()
    {
        _folder.Write("p.finetune", "<Project/>");
        var missing = Assert.Throws<FineTuneException>(() => ProjectResults.Output(_folder.File("p.finetune"), "probe", "result"));
        Assert.Equal("FT0008", missing.Diagnostic.Code.Id);
        StageResult result = StageRunner.Run(new Probe(), Context());
        Assert.Equal(result.Outputs["result"], ProjectResults.Output(ProjectResults.FindProject(_folder.Path), "probe", "result"));
    }

    [Fact]
    public void Content_decides_not_time()
    {
        string file = _folder.Write("data.txt", "one");
        File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddHours(-1));
        var hashes = new ContentHashes(_folder.File("hashes.json"));
        string before = hashes.Of(file);
        hashes.Save();
        File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddMinutes(-5));
        Assert.Equal(before, new ContentHashes(_folder.File("hashes.json")).Of(file));
        File.WriteAllText(file, "two");
        Assert.NotEqual(before, new ContentHashes(_folder.File("hashes.json")).Of(file));
    }

    [Fact]
    public void A_file_that_changes_twice_within_a_moment_is_never_remembered_wrongly()
    {
        string file = _folder.Write("data.txt", "one");
        DateTime time = File.GetLastWriteTimeUtc(file);
        var hashes = new ContentHashes(_folder.File("hashes.json"));
        string before = hashes.Of(file);
        File.WriteAllText(file, "two");
        File.SetLastWriteTimeUtc(file, time);
        Assert.NotEqual(before, hashes.Of(file));
    }

    [Fact]
    public void Key_lines_cannot_pose_as_others()
    {
        string Hash(params KeyLine[] lines) => new StageKey("s", lines).Hash;
        Assert.NotEqual(Hash(new KeyLine("a", "1\nb=1:2")), Hash(new KeyLine("a", "1"), new KeyLine("b", "2")));
    }
}
