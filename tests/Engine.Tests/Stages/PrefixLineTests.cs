using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Stages;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Stages;

/// <summary>The stages with FineTuneMethod prefix.</summary>
public sealed class PrefixLineTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, SettingText> _settings = new()
    {
        ["BaseModel"] = new("base"),
        ["FineTuneMethod"] = new("prefix"),
        ["PrefixLength"] = new("4"),
        ["MaxSeqLength"] = new("64"),
        ["MaxSteps"] = new("3"),
        ["GradientAccumulationSteps"] = new("1"),
        ["WarmupRatio"] = new("0"),
        ["ValidationSplitRatio"] = new("0.4"),
        ["MaxNewTokens"] = new("4"),
    };

    public PrefixLineTests()
    {
        TinyModel.Write(_folder.File("base"));
        _folder.Write("train.jsonl", string.Join('\n', Enumerable.Range(0, 12).Select(i =>
            $$"""{"messages": [{"role": "user", "content": "Question {{i}}?"}, {"role": "assistant", "content": "Answer {{i}}."}]}""")));
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public void A_prefix_is_trained_measured_and_opened_but_not_merged(string projection)
    {
        _settings["PrefixProjection"] = new(projection);
        foreach (string stage in new[] { "validate", "preprocess", "baseline", "train", "evaluate" })
        {
            Assert.Equal(StageStatus.Done, Run(stage).Status);
        }

        StageResult train = Run("train");
        Assert.Equal(StageStatus.UpToDate, train.Status);
        using (var model = new LoadedModel(_folder.File("base"), [train.Outputs["adapter"]], threads: 1))
        {
            Assert.Equal(4, model.Decoder.ActiveAdapter!.Prefix![0].Count);
        }

        foreach (string stage in new[] { "merge", "exportgguf" })
        {
            var refused = Assert.Throws<FineTuneException>(() => Run(stage));
            Assert.Equal(Codes.AdapterNotMergeable, refused.Diagnostic.Code);
        }

        Assert.False(Directory.Exists(_folder.File("bin/merged")));
        Assert.False(Directory.Exists(_folder.File("bin/gguf")));
    }

    [Theory]
    [InlineData("PrefixLength", "5")]
    [InlineData("PrefixProjection", "true")]
    [InlineData("Seed", "43")]
    public void Another_value_trains_another_prefix(string setting, string value)
    {
        byte[] before = Trained();
        _settings[setting] = new(value);
        Assert.NotEqual(before, Trained());
    }

    [Fact]
    public void A_run_goes_on_from_the_prefix_of_another()
    {
        byte[] first = Trained();
        _settings["InitialAdapter"] = new(Run("train").Outputs["adapter"]);
        Assert.NotEqual(first, Trained());
    }

    [Theory]
    [InlineData("PrefixLength", "0")]
    [InlineData("PrefixProjection", "perhaps")]
    public void A_bad_value_is_told_at_its_place(string setting, string value)
    {
        _settings[setting] = new(value, "p.finetune", 4, 7);
        var refused = Assert.Throws<FineTuneException>(() => Run("validate"));
        Assert.Equal((Codes.BadSetting, new SourcePosition("p.finetune", 4, 7)), (refused.Diagnostic.Code, refused.Diagnostic.Position));
    }

    private byte[] Trained()
    {
        Run("preprocess");
        return File.ReadAllBytes(Path.Combine(Run("train").Outputs["adapter"], "adapter_model.safetensors"));
    }

    private StageResult Run(string stage)
    {
        ProjectItem data = new("TrainingData", "train.jsonl", _folder.File("train.jsonl"), new Dictionary<string, string>(), "p.finetune", 9, 5);
        var place = new ProjectLocation("p", _folder.File("p.finetune"), _folder.Path, _folder.File("obj"), _folder.File("bin"));
        return StageRunner.Run(StageList.Find(stage)!, new StageContext(new ProjectRequest(1, place, _settings, [data], 2), new RecordingEvents()));
    }
}
