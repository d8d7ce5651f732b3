using System.Security.Cryptography;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Evaluation;
using FineTuneTool.Engine.Stages;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Stages;

/// <summary>A project whose base model is a configuration and a tokenizer.</summary>
public sealed class FromScratchTests : IDisposable
{
    private readonly TinyProject _project = new();

    public FromScratchTests()
    {
        File.Delete(_project.PathOf("base/model.safetensors"));
        _project.Settings["FineTuneMethod"] = new("full", "p.finetune", 3, 5);
        _project.Settings["MaxSteps"] = new("4");
        _project.Settings["SaveSteps"] = new("1");
        _project.Settings["ValidationSplitRatio"] = new("0.4");
        _project.Items.AddRange([_project.Item("SamplePrompt", "Question 1?"), _project.Item("GgufExport", "Q8_0")]);
    }

    public void Dispose() => _project.Dispose();

    [Fact]
    public void Every_stage_runs_and_a_second_build_runs_nothing()
    {
        foreach (Stage stage in StageList.All)
        {
            Assert.Equal(StageStatus.Done, _project.Run(stage.Name).Status);
        }

        Assert.Contains("base has no weights: training begins with random ones (Seed 42)", _project.Events.Milestones);
        Assert.All(StageList.All, stage => Assert.Equal(StageStatus.UpToDate, _project.Run(stage.Name).Status));
        Assert.True(File.Exists(_project.PathOf("bin/p/gguf/p-Q8_0.gguf")));
    }

    [Fact]
    public void The_baseline_is_that_of_the_random_model_which_knows_nothing()
    {
        _project.Run("preprocess");
        EvaluationMetrics measured = Measurement.Read(_project.Run("baseline").Outputs["baseline"]).Splits["validation"];
        Assert.InRange(measured.Loss, Math.Log(TinyModel.VocabSize) - 0.2, Math.Log(TinyModel.VocabSize) + 0.2);
    }

    [Fact]
    public void A_run_that_is_stopped_and_goes_on_ends_with_the_same_bytes()
    {
        _project.Run("preprocess");
        string whole = Hash(_project.Run("train"));
        Directory.Delete(_project.PathOf("obj/p/train"), recursive: true);
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Stage train = StageList.Find("train")!;
        Assert.Equal(StageStatus.Stopped, StageRunner.Run(train, _project.Context(1, stop.Token)).Status);
        Assert.Equal(whole, Hash(StageRunner.Run(train, _project.Context(1))));
    }

    [Fact]
    public void Another_seed_trains_another_model()
    {
        _project.Run("preprocess");
        string first = Hash(_project.Run("train"));
        _project.Settings["Seed"] = new("43");
        _project.Run("preprocess");
        Assert.NotEqual(first, Hash(_project.Run("train")));
    }

    [Theory]
    [InlineData("lora")]
    [InlineData("qlora")]
    [InlineData("prefix")]
    public void An_adapter_has_nothing_to_be_trained_on(string method)
    {
        _project.Settings["FineTuneMethod"] = new(method);
        Assert.Equal("FT0312", Assert.Throws<FineTuneException>(() => _project.Run("validate")).Diagnostic.Code.Id);
        _project.Run("preprocess");
        Assert.Equal("FT0312", Assert.Throws<FineTuneException>(() => _project.Run("baseline")).Diagnostic.Code.Id);
        Assert.Equal("FT0312", Assert.Throws<FineTuneException>(() => _project.Run("train")).Diagnostic.Code.Id);
    }

    [Fact]
    public void A_budget_is_planned_for_with_the_weights_that_training_makes()
    {
        _project.Settings["MaxMemory"] = new("64KiB", "p.finetune", 4, 3);
        _project.Run("preprocess");
        _project.Run("train");
        Assert.Equal("FT2002", Assert.Single(_project.Events.Diagnostics).Code.Id);
    }

    [Fact]
    public void An_estimate_knows_that_only_full_fine_tuning_can_begin()
    {
        var estimator = new MethodEstimator(_project.Context().Request, rowTokens: 1000);
        MethodEstimate estimate = Assert.Single(estimator.Methods());
        Assert.Equal("full", estimate.Method);
        Assert.True(estimator.MeasureFlops("full") > 0);
        Assert.StartsWith("full: the model has no weights yet", MethodAdvice.For([estimate], rows: 500, hasEvaluationData: true).Reasons[0], StringComparison.Ordinal);
    }

    private static string Hash(StageResult train) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(train.Outputs["model"], "model.safetensors"))));
}
