using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Stages;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Stages;

/// <summary>Every stage in turn on a tiny model, as the build runs them.</summary>
public sealed class WholeLineTests : IDisposable
{
    private readonly TinyProject _project = new();

    public WholeLineTests()
    {
        _project.Settings["MaxSteps"] = new("4");
        _project.Settings["EvalSteps"] = new("2");
        _project.Settings["SaveSteps"] = new("1");
        _project.Settings["ValidationSplitRatio"] = new("0.4");
        _project.Items.AddRange([_project.Item("SamplePrompt", "Question 1?"), _project.Item("GgufExport", "F32"), _project.Item("GgufExport", "Q8_0")]);
    }

    public void Dispose() => _project.Dispose();

    private Dictionary<string, StageResult> RunAll() => StageList.All.ToDictionary(stage => stage.Name, stage => _project.Run(stage.Name));

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
    public void The_report_counts_the_rows_that_were_prepared()
    {
        StageResult evaluation = RunAll()["evaluate"];
        Assert.Contains("<dt>rows read</dt><dd>12</dd>", File.ReadAllText(evaluation.Outputs["report"]), StringComparison.Ordinal);
        Assert.Contains("\"rows_read\": 12", File.ReadAllText(evaluation.Outputs["metrics"]), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_learning_rate_trains_again_but_prepares_nothing()
    {
        RunAll();
        _project.Settings["LearningRate"] = new("2e-2");
        Dictionary<string, StageStatus> second = RunAll().ToDictionary(pair => pair.Key, pair => pair.Value.Status);
        Assert.Equal((StageStatus.UpToDate, StageStatus.UpToDate), (second["preprocess"], second["baseline"]));
        Assert.Equal((StageStatus.Done, StageStatus.Done), (second["train"], second["evaluate"]));
        Assert.Contains("train runs again: LearningRate 0.01 → 0.02", _project.Events.Milestones);
    }

    [Fact]
    public void A_run_on_one_thread_that_is_stopped_and_goes_on_ends_with_the_same_bytes()
    {
        _project.Run("preprocess");
        string whole = TinyProject.HashOf(_project.Run("train"));
        Directory.Delete(_project.PathOf("obj/p/train"), recursive: true);
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Stage train = StageList.Find("train")!;
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(StageStatus.Stopped, StageRunner.Run(train, _project.Context(1, stop.Token)).Status);
        }

        Assert.Equal(whole, TinyProject.HashOf(StageRunner.Run(train, _project.Context(1))));
    }

    [Fact]
    public void Checkpointing_is_no_reason_to_train_again_and_changes_no_byte()
    {
        _project.Run("preprocess");
        string whole = TinyProject.HashOf(_project.Run("train"));
        Assert.DoesNotContain(_project.Events.Milestones, text => text.StartsWith("gradient checkpointing"));
        _project.Settings["GradientCheckpointing"] = new("true");
        Assert.Equal(StageStatus.UpToDate, _project.Run("train").Status);
        Directory.Delete(_project.PathOf("obj/p/train"), recursive: true);
        Assert.Equal(whole, TinyProject.HashOf(_project.Run("train")));
        Assert.Contains(_project.Events.Milestones, text => text.StartsWith("gradient checkpointing: 2 of 2 layers"));
        Assert.Empty(_project.Events.Diagnostics);
    }

    [Fact]
    public void A_budget_that_no_checkpointing_meets_is_used_up_with_a_warning()
    {
        _project.Run("preprocess");
        _project.Settings["MaxMemory"] = new("64KiB", "p.finetune", 4, 3);
        _project.Run("train");
        Assert.Contains(_project.Events.Milestones, text => text.StartsWith("gradient checkpointing: 2 of 2 layers"));
        Diagnostic warning = Assert.Single(_project.Events.Diagnostics);
        Assert.Equal(("FT2002", Severity.Warning, new SourcePosition("p.finetune", 4, 3)), (warning.Code.Id, warning.Severity, warning.Position));
    }

    [Fact]
    public void Full_fine_tuning_goes_the_same_way()
    {
        _project.Settings["FineTuneMethod"] = new("full");
        Dictionary<string, StageResult> line = RunAll();
        Assert.True(File.Exists(Path.Combine(line["train"].Outputs["model"], "model.safetensors")));
        Assert.True(File.Exists(line["exportgguf"].Outputs["Q8_0"]));
    }

    [Fact]
    public void A_failed_gate_fails_every_build_and_a_relaxed_one_measures_nothing_again()
    {
        _project.Run("preprocess");
        _project.Run("baseline");
        _project.Run("train");
        _project.Items.Add(_project.Item("QualityGate", "EvalLoss", ("Max", "0.001")));
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal("FT0007", Assert.Throws<FineTuneException>(() => _project.Run("evaluate")).Diagnostic.Code.Id);
        }

        _project.Items[^1] = _project.Item("QualityGate", "EvalLoss", ("Max", "1000"));
        Assert.Equal(StageStatus.UpToDate, _project.Run("evaluate").Status);
    }

    [Fact]
    public void Files_of_other_settings_under_bin_are_replaced()
    {
        RunAll();
        _project.Settings["LearningRate"] = new("2e-2");
        RunAll();
        _project.Settings["LearningRate"] = new("1e-2");
        Assert.Equal(StageStatus.UpToDate, _project.Run("train").Status);
        Assert.Equal(StageStatus.Done, _project.Run("merge").Status);
        Assert.Equal(StageStatus.UpToDate, _project.Run("merge").Status);
    }

    [Fact]
    public void A_project_without_training_data_is_an_error()
    {
        _project.Items.RemoveAll(item => item.Type == "TrainingData");
        Assert.Equal("FT0006", Assert.Throws<FineTuneException>(() => _project.Run("validate")).Diagnostic.Code.Id);
    }

    [Fact]
    public void A_folder_of_texts_and_a_parquet_file_are_prepared_again_when_a_text_changes()
    {
        Directory.CreateDirectory(_project.PathOf("texts"));
        foreach (int i in Enumerable.Range(0, 4))
        {
            File.WriteAllText(_project.PathOf($"texts/{i}.md"), $"Text {i}.");
        }

        File.Copy(Path.Combine(Paths.Goldens, "formats", "parquet", "alpaca.parquet"), _project.PathOf("rows.parquet"));
        _project.Items.RemoveAll(item => item.Type == "TrainingData");
        _project.Items.AddRange([_project.Item("TrainingData", "texts"), _project.Item("TrainingData", "rows.parquet", ("Limit", "5"))]);
        _project.Settings["ExcessLengthStrategy"] = new("truncate");
        _project.Settings["PromptTemplate"] = new("alpaca");
        Assert.Equal(StageStatus.Done, _project.Run("preprocess").Status);
        Assert.Contains(_project.Events.Milestones, line => line.StartsWith("9 rows read", StringComparison.Ordinal));
        Assert.Equal(StageStatus.UpToDate, _project.Run("preprocess").Status);

        File.WriteAllText(_project.PathOf("texts/2.md"), "Another text.");
        Assert.Equal(StageStatus.Done, _project.Run("preprocess").Status);
        File.Move(_project.PathOf("texts/2.md"), _project.PathOf("texts/9.md"));
        Assert.Equal(StageStatus.Done, _project.Run("preprocess").Status);
    }

    [Fact]
    public void Qlora_quantises_the_base_and_its_exports_answer_like_it()
    {
        _project.Settings["FineTuneMethod"] = new("qlora");
        Dictionary<string, StageResult> line = RunAll();
        Assert.All(line.Values, result => Assert.Equal(StageStatus.Done, result.Status));
        Assert.Contains("the weights of the layers are held as NF4 with double quantisation", _project.Events.Milestones);
        Assert.Contains("merging into F32 weights", _project.Events.Milestones);
        Assert.All(RunAll().Values, result => Assert.Equal(StageStatus.UpToDate, result.Status));
    }

    [Fact]
    public void Every_way_to_hold_the_base_trains_another_adapter()
    {
        _project.Run("preprocess");
        var hashes = new HashSet<string>();
        foreach ((string quantization, string nested) in new[] { ("none", "false"), ("nf4", "false"), ("nf4", "true"), ("fp4", "false"), ("fp4", "true") })
        {
            _project.Settings["Quantization"] = new(quantization);
            _project.Settings["DoubleQuantization"] = new(nested);
            Assert.True(hashes.Add(TinyProject.HashOf(_project.Run("train"))), $"{quantization} {nested}");
        }

        _project.Settings["Quantization"] = new("auto");
        Assert.False(hashes.Add(TinyProject.HashOf(_project.Run("train"))));
    }

    [Fact]
    public void Blocks_of_a_file_stay_unless_another_storage_is_asked_for()
    {
        string gguf = RunAll()["exportgguf"].Outputs["Q8_0"];
        _project.Settings["BaseModel"] = new(gguf);
        _project.Settings["FineTuneMethod"] = new("qlora");
        _project.Run("preprocess");
        string kept = TinyProject.HashOf(_project.Run("train"));
        Assert.DoesNotContain(_project.Events.Milestones, milestone => milestone.StartsWith("the weights of the layers", StringComparison.Ordinal));
        _project.Settings["Quantization"] = new("nf4");
        Assert.NotEqual(kept, TinyProject.HashOf(_project.Run("train")));
        Assert.Contains("the weights of the layers are decoded from Q8_0 and quantised again as NF4 with double quantisation", _project.Events.Milestones);
    }

    [Fact]
    public void Qlora_without_quantisation_on_weights_that_are_not_quantised_is_an_error_at_its_place()
    {
        _project.Settings["FineTuneMethod"] = new("qlora");
        _project.Settings["Quantization"] = new("none", "p.finetune", 4, 5);
        Diagnostic refused = Assert.Throws<FineTuneException>(() => _project.Run("validate")).Diagnostic;
        Assert.Equal(("FT0001", 4), (refused.Code.Id, refused.Position.Line));
    }

    [Theory]
    [InlineData("zephyr")]
    [InlineData("short.yaml")]
    public void Exports_carry_the_template_that_was_trained_with_and_end_where_it_ends(string template)
    {
        File.WriteAllText(_project.PathOf("short.yaml"), "prompt: \"Q: {{ instruction }}\\nA: \"\ncompletion: \"{{ output }}\"\n");
        _project.Settings["PromptTemplate"] = new(template);
        Dictionary<string, StageResult> line = RunAll();
        using ModelFiles gguf = ModelFiles.Open(line["exportgguf"].Outputs["Q8_0"]);
        foreach (Tokenizer exported in (Tokenizer[])[TokenizerFiles.FromFolder(line["merge"].Outputs["merged"]), LoadedModel.TokenizerOf(gguf)])
        {
            PromptTemplate own = PromptTemplates.Find("chat", "", exported), trained = _project.Context().Template(exported);
            JsonArray messages = [new JsonObject { ["role"] = "user", ["content"] = "Why?" }];
            Assert.Equal(trained.RenderPrompt(messages).Text, own.RenderPrompt(messages).Text);
            Assert.NotEqual(TinyModel.ChatTemplate, exported.ChatTemplate);
            Assert.Contains(exported.TokenToId("<|im_end|>")!.Value, exported.EndOfGenerationIds);
        }
    }

    [Fact]
    public void A_type_that_cannot_be_exported_is_an_error_at_its_item()
    {
        _project.Items.Add(_project.Item("GgufExport", "Q9_9"));
        Diagnostic refused = Assert.Throws<FineTuneException>(() => _project.Run("validate")).Diagnostic;
        Assert.Equal(("FT0001", 9), (refused.Code.Id, refused.Position.Line));
        Assert.Contains("Q8_0", refused.Remedy);
    }
}
