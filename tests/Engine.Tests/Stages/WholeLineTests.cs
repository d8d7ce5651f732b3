using System.Security.Cryptography;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Stages;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Stages;

/// <summary>Every stage in turn on a tiny model, as the build runs them.</summary>
public sealed class WholeLineTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly RecordingEvents _events = new();
    private readonly Dictionary<string, SettingText> _settings;
    private readonly List<ProjectItem> _items;

    public WholeLineTests()
    {
        TinyModel.Write(_folder.File("base"));
        string rows = string.Join('\n', Enumerable.Range(0, 12).Select(i =>
            $$"""{"messages": [{"role": "user", "content": "Question {{i}}?"}, {"role": "assistant", "content": "Answer {{i}}."}]}"""));
        _folder.Write("train.jsonl", rows);
        _settings = new()
        {
            ["BaseModel"] = new("base"),
            ["MaxSeqLength"] = new("64"),
            ["MaxSteps"] = new("4"),
            ["EvalSteps"] = new("2"),
            ["SaveSteps"] = new("1"),
            ["GradientAccumulationSteps"] = new("1"),
            ["LearningRate"] = new("1e-2"),
            ["WarmupRatio"] = new("0"),
            ["ValidationSplitRatio"] = new("0.4"),
            ["MaxNewTokens"] = new("4"),
        };
        _items = [Item("TrainingData", "train.jsonl"), Item("SamplePrompt", "Question 1?"), Item("GgufExport", "F32"), Item("GgufExport", "Q8_0")];
    }

    public void Dispose() => _folder.Dispose();

    private ProjectItem Item(string type, string include, params (string Name, string Value)[] metadata) =>
        new(type, include, _folder.File(include), metadata.ToDictionary(pair => pair.Name, pair => pair.Value), "p.finetune", 9, 5);

    private StageContext Context(int threads = 2, CancellationToken stop = default) => new(
        new ProjectRequest(1, new ProjectLocation("p", _folder.File("p.finetune"), _folder.Path, _folder.File("obj/p"), _folder.File("bin/p")), _settings, _items, threads),
        _events, stop);

    private Dictionary<string, StageResult> RunAll() =>
        StageList.All.ToDictionary(stage => stage.Name, stage => StageRunner.Run(stage, Context()));

    private StageResult Run(string stage) => StageRunner.Run(StageList.Find(stage)!, Context());

    private static string HashOf(StageResult train) =>
        Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(train.Outputs["adapter"], "adapter_model.safetensors"))));

    [Fact]
    public void The_line_runs_once_and_a_second_build_runs_nothing()
    {
        Dictionary<string, StageResult> first = RunAll();
        Assert.All(first.Values, result => Assert.Equal(StageStatus.Done, result.Status));
        Assert.True(File.Exists(first["evaluate"].Outputs["report"]));
        Assert.True(File.Exists(Path.Combine(first["merge"].Outputs["merged"], "config.json")));
        Assert.True(File.Exists(first["exportgguf"].Outputs["F32"]));
        Assert.All(RunAll().Values, result => Assert.Equal(StageStatus.UpToDate, result.Status));
    }

    [Fact]
    public void Another_learning_rate_trains_again_but_prepares_nothing()
    {
        RunAll();
        _settings["LearningRate"] = new("2e-2");
        Dictionary<string, StageStatus> second = RunAll().ToDictionary(pair => pair.Key, pair => pair.Value.Status);
        Assert.Equal((StageStatus.UpToDate, StageStatus.UpToDate), (second["preprocess"], second["baseline"]));
        Assert.Equal((StageStatus.Done, StageStatus.Done), (second["train"], second["evaluate"]));
        Assert.Contains("train runs again: LearningRate 0.01 → 0.02", _events.Milestones);
    }

    [Fact]
    public void A_run_on_one_thread_that_is_stopped_and_goes_on_ends_with_the_same_bytes()
    {
        Run("preprocess");
        string whole = HashOf(Run("train"));
        Directory.Delete(_folder.File("obj/p/train"), recursive: true);
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Stage train = StageList.Find("train")!;
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(StageStatus.Stopped, StageRunner.Run(train, Context(1, stop.Token)).Status);
        }

        Assert.Equal(whole, HashOf(StageRunner.Run(train, Context(1))));
    }

    [Fact]
    public void Checkpointing_is_no_reason_to_train_again_and_changes_no_byte()
    {
        Run("preprocess");
        string whole = HashOf(Run("train"));
        Assert.DoesNotContain(_events.Milestones, text => text.StartsWith("gradient checkpointing"));
        _settings["GradientCheckpointing"] = new("true");
        Assert.Equal(StageStatus.UpToDate, Run("train").Status);
        Directory.Delete(_folder.File("obj/p/train"), recursive: true);
        Assert.Equal(whole, HashOf(Run("train")));
        Assert.Contains(_events.Milestones, text => text.StartsWith("gradient checkpointing: 2 of 2 layers"));
        Assert.Empty(_events.Diagnostics);
    }

    [Fact]
    public void A_budget_that_no_checkpointing_meets_is_used_up_with_a_warning()
    {
        Run("preprocess");
        _settings["MaxMemory"] = new("64KiB", "p.finetune", 4, 3);
        Run("train");
        Assert.Contains(_events.Milestones, text => text.StartsWith("gradient checkpointing: 2 of 2 layers"));
        Diagnostic warning = Assert.Single(_events.Diagnostics);
        Assert.Equal(("FT2002", Severity.Warning, new SourcePosition("p.finetune", 4, 3)), (warning.Code.Id, warning.Severity, warning.Position));
    }

    [Fact]
    public void Full_fine_tuning_goes_the_same_way()
    {
        _settings["FineTuneMethod"] = new("full");
        Dictionary<string, StageResult> line = RunAll();
        Assert.True(File.Exists(Path.Combine(line["train"].Outputs["model"], "model.safetensors")));
        Assert.True(File.Exists(line["exportgguf"].Outputs["Q8_0"]));
    }

    [Fact]
    public void A_failed_gate_fails_every_build_and_a_relaxed_one_measures_nothing_again()
    {
        Run("preprocess");
        Run("baseline");
        Run("train");
        _items.Add(Item("QualityGate", "EvalLoss", ("Max", "0.001")));
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal("FT0007", Assert.Throws<FineTuneException>(() => Run("evaluate")).Diagnostic.Code.Id);
        }

        _items[^1] = Item("QualityGate", "EvalLoss", ("Max", "1000"));
        Assert.Equal(StageStatus.UpToDate, Run("evaluate").Status);
    }

    [Fact]
    public void Files_of_other_settings_under_bin_are_replaced()
    {
        RunAll();
        _settings["LearningRate"] = new("2e-2");
        RunAll();
        _settings["LearningRate"] = new("1e-2");
        Assert.Equal(StageStatus.UpToDate, Run("train").Status);
        Assert.Equal(StageStatus.Done, Run("merge").Status);
        Assert.Equal(StageStatus.UpToDate, Run("merge").Status);
    }

    [Fact]
    public void A_project_without_training_data_is_an_error()
    {
        _items.RemoveAll(item => item.Type == "TrainingData");
        Assert.Equal("FT0006", Assert.Throws<FineTuneException>(() => Run("validate")).Diagnostic.Code.Id);
    }

    [Fact]
    public void Qlora_quantises_the_base_and_its_exports_answer_like_it()
    {
        _settings["FineTuneMethod"] = new("qlora");
        Dictionary<string, StageResult> line = RunAll();
        Assert.All(line.Values, result => Assert.Equal(StageStatus.Done, result.Status));
        Assert.Contains("the weights of the layers are held as NF4 with double quantisation", _events.Milestones);
        Assert.Contains("merging into F32 weights", _events.Milestones);
        Assert.All(RunAll().Values, result => Assert.Equal(StageStatus.UpToDate, result.Status));
    }

    [Fact]
    public void Every_way_to_hold_the_base_trains_another_adapter()
    {
        Run("preprocess");
        var hashes = new HashSet<string>();
        foreach ((string quantization, string nested) in new[] { ("none", "false"), ("nf4", "false"), ("nf4", "true"), ("fp4", "false"), ("fp4", "true") })
        {
            _settings["Quantization"] = new(quantization);
            _settings["DoubleQuantization"] = new(nested);
            Assert.True(hashes.Add(HashOf(Run("train"))), $"{quantization} {nested}");
        }

        _settings["Quantization"] = new("auto");
        Assert.False(hashes.Add(HashOf(Run("train"))));
    }

    [Fact]
    public void Blocks_of_a_file_stay_unless_another_storage_is_asked_for()
    {
        string gguf = RunAll()["exportgguf"].Outputs["Q8_0"];
        _settings["BaseModel"] = new(gguf);
        _settings["FineTuneMethod"] = new("qlora");
        Run("preprocess");
        string kept = HashOf(Run("train"));
        Assert.DoesNotContain(_events.Milestones, milestone => milestone.StartsWith("the weights of the layers", StringComparison.Ordinal));
        _settings["Quantization"] = new("nf4");
        Assert.NotEqual(kept, HashOf(Run("train")));
        Assert.Contains("the weights of the layers are decoded from Q8_0 and quantised again as NF4 with double quantisation", _events.Milestones);
    }

    [Fact]
    public void Qlora_without_quantisation_on_weights_that_are_not_quantised_is_an_error_at_its_place()
    {
        _settings["FineTuneMethod"] = new("qlora");
        _settings["Quantization"] = new("none", "p.finetune", 4, 5);
        Diagnostic refused = Assert.Throws<FineTuneException>(() => Run("validate")).Diagnostic;
        Assert.Equal(("FT0001", 4), (refused.Code.Id, refused.Position.Line));
    }

    [Fact]
    public void A_type_that_cannot_be_exported_is_an_error_at_its_item()
    {
        _items.Add(Item("GgufExport", "Q9_9"));
        Diagnostic refused = Assert.Throws<FineTuneException>(() => Run("validate")).Diagnostic;
        Assert.Equal(("FT0001", 9), (refused.Code.Id, refused.Position.Line));
        Assert.Contains("Q8_0", refused.Remedy);
    }
}
