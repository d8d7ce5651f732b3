using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Tests.Models;

namespace FineTuneTool.Engine.Tests.Adapters;

public class LoraTargetsTests
{
    private static readonly LoraSettings AllLinear = new() { Rank = 4, Alpha = 8 };

    [Fact]
    public void All_linear_is_every_linear_layer_but_the_head()
    {
        string[] paths = Select(AllLinear);
        Assert.Equal(14, paths.Length);
        Assert.Equal("model.layers.0.self_attn.q_proj", paths[0]);
        Assert.Equal("model.layers.1.mlp.down_proj", paths[^1]);
    }

    [Fact]
    public void Names_match_the_ends_of_paths_and_exclusions_win()
    {
        LoraSettings settings = AllLinear with { Targets = ModuleSelection.Of("v_proj", "lm_head", "layers.1.mlp.up_proj"), Exclude = ModuleSelection.Of("layers.0.self_attn.v_proj") };
        Assert.Equal(["model.layers.1.self_attn.v_proj", "model.layers.1.mlp.up_proj", "lm_head"], Select(settings));
    }

    [Fact]
    public void A_regular_expression_matches_the_whole_path()
    {
        LoraSettings settings = AllLinear with { Targets = ModuleSelection.Matching(@".*\.0\.mlp\..*"), Exclude = ModuleSelection.Matching(".*up_proj") };
        Assert.Equal(["model.layers.0.mlp.gate_proj", "model.layers.0.mlp.down_proj"], Select(settings));
        Refused(AllLinear with { Targets = ModuleSelection.Matching("q_proj") }, "q_proj");
    }

    [Theory]
    [InlineData("all-linear", 7)]
    [InlineData("q_proj", 1)]
    [InlineData(@".*mlp\.(up|down)_proj", 2)]
    public void Layers_narrow_every_kind_of_targets(string targets, int count)
    {
        string[] paths = Select(AllLinear with { Targets = LoraTargets.Parse([targets]), Layers = [1] });
        Assert.Equal(count, paths.Length);
        Assert.All(paths, path => Assert.Contains("layers.1.", path));
    }

    [Fact]
    public void What_matches_nothing_is_FT1002()
    {
        Refused(AllLinear with { Targets = ModuleSelection.Of("q_proj", "q_porj") }, "q_porj");
        Refused(AllLinear with { Exclude = ModuleSelection.Of("w_proj") }, "w_proj");
        Refused(AllLinear with { Exclude = ModuleSelection.Matching("x.*") }, "x.*");
        Refused(AllLinear with { Exclude = ModuleSelection.Matching(".*") }, "all-linear");
        Refused(AllLinear with { Layers = [0, 2] }, "layer 2");
        Refused(AllLinear with { RankPattern = new Dictionary<string, int> { ["lm_head"] = 2 } }, "lm_head");
        Refused(AllLinear with { ModulesToSave = ["lm_head", "lm_haed"] }, "lm_haed");
        Refused(AllLinear with { Targets = ModuleSelection.Matching("(") }, "(");
        Refused(AllLinear with { Targets = ModuleSelection.Matching("(.*)*x(.*)*y(.*)*z(.*)*w(.*)*v(.*)*u") }, "takes too long");
    }

    [Theory]
    [InlineData("LoraTargetModules", "q_porj")]
    [InlineData("LoraExcludeModules", "w_proj")]
    [InlineData("LoraLayers", "7")]
    [InlineData("LoraRankPattern", "w_proj=4")]
    [InlineData("LoraAlphaPattern", "w_proj=4")]
    [InlineData("ModulesToSave", "lm_haed")]
    public void What_matches_nothing_is_told_with_the_place_of_its_setting(string setting, string value)
    {
        using var model = new TinyModel();
        LoraSettings settings = LoraSettings.From(Parse((setting, value)), name => new SourcePosition(name, 3, 5));
        var refused = Assert.Throws<FineTuneException>(() => LoraAdapter.Create(model.Load(), settings, seed: 1));
        Assert.Equal(new SourcePosition(setting, 3, 5), refused.Diagnostic.Position);
    }

    [Fact]
    public void What_is_saved_as_a_whole_gets_no_branch()
    {
        Assert.DoesNotContain("model.layers.1.mlp.up_proj", Select(AllLinear with { ModulesToSave = ["layers.1.mlp.up_proj"] }));
        Assert.Contains("model.layers.0.mlp.up_proj", Select(AllLinear with { ModulesToSave = ["layers.1.mlp.up_proj"] }));
    }

    [Fact]
    public void Ranks_and_alphas_follow_the_first_pattern_that_matches()
    {
        LoraSettings settings = AllLinear with
        {
            RankPattern = new Dictionary<string, int> { [@"layers\.0\..*"] = 2, ["q_proj"] = 16 },
            AlphaPattern = new Dictionary<string, double> { ["q_proj"] = 3 },
        };
        Assert.Equal(2, settings.RankOf("model.layers.0.self_attn.q_proj"));
        Assert.Equal(16, settings.RankOf("model.layers.1.self_attn.q_proj"));
        Assert.Equal(4, settings.RankOf("model.layers.1.self_attn.k_proj"));
        Assert.Equal(1.5f, settings.ScaleOf("model.layers.0.self_attn.q_proj"));
        Assert.Equal(0.75f, (settings with { UseRslora = true }).ScaleOf("model.layers.1.self_attn.q_proj"));
    }

    [Fact]
    public void Settings_of_a_project_become_settings_of_an_adapter()
    {
        LoraSettings settings = LoraSettings.From(Parse(
            ("LoraRank", "8"), ("LoraAlpha", "12"), ("LoraDropout", "0.1"), ("LoraTargetModules", "q_proj;v_proj"), ("LoraExcludeModules", @".*\.0\..*"),
            ("LoraLayers", "1;3"), ("LoraRankPattern", "q_proj=2"), ("LoraAlphaPattern", "v_proj=2.5"), ("UseRsLora", "true"), ("ModulesToSave", "lm_head;norm")));
        Assert.Equal(["lm_head", "norm"], settings.ModulesToSave);
        Assert.Equal(8, settings.Rank);
        Assert.Equal(12, settings.Alpha);
        Assert.Equal(0.1, settings.Dropout);
        Assert.Equal(["q_proj", "v_proj"], settings.Targets.Names!);
        Assert.Equal(@".*\.0\..*", settings.Exclude!.Pattern);
        Assert.Equal([1, 3], settings.Layers!);
        Assert.Equal(2, settings.RankOf("model.layers.1.self_attn.q_proj"));
        Assert.Equal(2.5, settings.AlphaOf("model.layers.1.self_attn.v_proj"));
        Assert.True(settings.UseRslora);
        Assert.True(LoraSettings.From(Parse()).Targets.IsAllLinear);
    }

    [Theory]
    [InlineData("LoraLayers", "one")]
    [InlineData("LoraLayers", "-1")]
    [InlineData("LoraRankPattern", "q_proj")]
    [InlineData("LoraRankPattern", "q_proj=0")]
    [InlineData("LoraAlphaPattern", "q_proj=1;q_proj=2")]
    [InlineData("LoraAlphaPattern", "=1")]
    public void Items_that_cannot_be_read_are_FT0001(string setting, string value)
    {
        var refused = Assert.Throws<FineTuneException>(() => LoraSettings.From(Parse((setting, value))));
        Assert.Equal(Codes.BadSetting, refused.Diagnostic.Code);
        Assert.Contains(setting, refused.Diagnostic.Message);
    }

    private static string[] Select(LoraSettings settings)
    {
        using var model = new TinyModel();
        return [.. LoraTargets.Select(model.Load(), settings).Linears.Select(linear => linear.Path)];
    }

    private static void Refused(LoraSettings settings, string named)
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        var refused = Assert.Throws<FineTuneException>(() => LoraAdapter.Create(decoder, settings, seed: 1));
        Assert.Equal(Codes.NoTargetModules, refused.Diagnostic.Code);
        Assert.Contains(named, refused.Diagnostic.Message);
    }

    private static RunSettings Parse(params (string Name, string Value)[] settings) => SettingsParser.Parse(
        settings.Append(("BaseModel", "x")).ToDictionary(pair => pair.Item1, pair => new SettingText(pair.Item2)), NullEventSink.Instance);
}
