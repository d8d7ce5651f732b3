using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Stages;

namespace FineTuneTool.Engine.Tests.Stages;

/// <summary>The stages with FineTuneMethod prefix.</summary>
public sealed class PrefixLineTests : IDisposable
{
    private readonly TinyProject _project = new();

    public PrefixLineTests()
    {
        _project.Settings["FineTuneMethod"] = new("prefix");
        _project.Settings["PrefixLength"] = new("4");
        _project.Settings["MaxSteps"] = new("3");
        _project.Settings["ValidationSplitRatio"] = new("0.4");
    }

    public void Dispose() => _project.Dispose();

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public void A_prefix_is_trained_measured_and_opened_but_not_merged(string projection)
    {
        _project.Settings["PrefixProjection"] = new(projection);
        foreach (string stage in new[] { "validate", "preprocess", "baseline", "train", "evaluate" })
        {
            Assert.Equal(StageStatus.Done, _project.Run(stage).Status);
        }

        StageResult train = _project.Run("train");
        Assert.Equal(StageStatus.UpToDate, train.Status);
        using (var model = new LoadedModel(_project.PathOf("base"), [train.Outputs["adapter"]], threads: 1))
        {
            Assert.Equal(4, model.Decoder.ActiveAdapter!.Prefix![0].Count);
        }

        foreach (string stage in new[] { "merge", "exportgguf" })
        {
            var refused = Assert.Throws<FineTuneException>(() => _project.Run(stage));
            Assert.Equal(Codes.AdapterNotMergeable, refused.Diagnostic.Code);
        }

        Assert.False(Directory.Exists(_project.PathOf("bin/p/merged")));
        Assert.False(Directory.Exists(_project.PathOf("bin/p/gguf")));
    }

    [Theory]
    [InlineData("PrefixLength", "5")]
    [InlineData("PrefixProjection", "true")]
    [InlineData("Seed", "43")]
    public void Another_value_trains_another_prefix(string setting, string value)
    {
        string before = Trained();
        _project.Settings[setting] = new(value);
        Assert.NotEqual(before, Trained());
    }

    [Fact]
    public void A_run_goes_on_from_the_prefix_of_another()
    {
        string first = Trained();
        _project.Settings["InitialAdapter"] = new(_project.Run("train").Outputs["adapter"]);
        Assert.NotEqual(first, Trained());
    }

    [Theory]
    [InlineData("PrefixLength", "0")]
    [InlineData("PrefixProjection", "perhaps")]
    public void A_bad_value_is_told_at_its_place(string setting, string value)
    {
        _project.Settings[setting] = new(value, "p.finetune", 4, 7);
        var refused = Assert.Throws<FineTuneException>(() => _project.Run("validate"));
        Assert.Equal((Codes.BadSetting, new SourcePosition("p.finetune", 4, 7)), (refused.Diagnostic.Code, refused.Diagnostic.Position));
    }

    private string Trained()
    {
        _project.Run("preprocess");
        return TinyProject.HashOf(_project.Run("train"));
    }
}
