using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Protocol;

public class SettingsParserTests
{
    private static readonly SettingText Model = new("model.gguf");

    private static RunSettings Parse(params (string Name, string Value)[] settings) =>
        SettingsParser.Parse(Texts(settings), NullEventSink.Instance);

    private static Dictionary<string, SettingText> Texts(params (string Name, string Value)[] settings)
    {
        var texts = new Dictionary<string, SettingText> { ["BaseModel"] = Model };
        foreach ((string name, string value) in settings)
        {
            texts[name] = new SettingText(value, "legal.finetune", 7, 5);
        }

        return texts;
    }

    private static Diagnostic Error(params (string Name, string Value)[] settings) =>
        Assert.Throws<FineTuneException>(() => Parse(settings)).Diagnostic;

    [Fact]
    public void Defaults_depend_on_the_method()
    {
        Assert.Equal(16, Parse().LoraRank);
        Assert.Equal(64, Parse(("FineTuneMethod", "qlora")).LoraRank);
        Assert.Equal(1e-4, Parse().LearningRate);
        Assert.Equal(2e-5, Parse(("FineTuneMethod", "full")).LearningRate);
    }

    [Fact]
    public void Every_setting_has_a_default_that_its_own_rules_allow()
    {
        foreach (string method in SettingTable.Methods)
        {
            RunSettings settings = Parse(("FineTuneMethod", method));
            foreach (SettingDefinition setting in SettingTable.All.Where(setting => setting.Kind is not (SettingKind.Text or SettingKind.List)))
            {
                Assert.NotEqual("", settings[setting.Name]);
            }
        }
    }

    public static TheoryData<string> CheckedSettings =>
        [.. SettingTable.All.Where(setting => setting.Kind is not (SettingKind.Text or SettingKind.List)).Select(setting => setting.Name)];

    [Theory]
    [MemberData(nameof(CheckedSettings))]
    public void A_bad_value_is_an_error_at_its_place(string name)
    {
        Diagnostic error = Error((name, "1_000x"));
        Assert.Equal("FT0001", error.Code.Id);
        Assert.Equal(new SourcePosition("legal.finetune", 7, 5), error.Position);
        Assert.Contains(name, error.Message);
        Assert.Contains("must be", error.Remedy);
    }

    [Theory]
    [InlineData("LoraRank", "0")]
    [InlineData("LoraDropout", "1")]
    [InlineData("LearningRate", "1_000")]
    [InlineData("LearningRate", "NaN")]
    [InlineData("LearningRate", "1,5")]
    [InlineData("MicroBatchSize", "2.5")]
    [InlineData("Seed", "99999999999999999999")]
    [InlineData("MaxMemory", "0")]
    [InlineData("MaxMemory", "-1GiB")]
    [InlineData("MaxMemory", "1.5")]
    [InlineData("MaxMemory", "2GB")]
    [InlineData("MaxMemory", "1e40GiB")]
    [InlineData("MaxMemory", "MiB")]
    public void A_value_outside_the_limits_is_an_error(string name, string value) => Assert.Equal("FT0001", Error((name, value)).Code.Id);

    [Fact]
    public void A_misspelt_choice_gets_a_suggestion() =>
        Assert.Contains("Did you mean cosine?", Error(("LrScheduler", "cosin")).Remedy);

    [Fact]
    public void All_errors_are_reported_not_only_the_first()
    {
        var events = new RecordingEvents();
        Assert.Throws<FineTuneException>(() => SettingsParser.Parse(Texts(("LoraRank", "x"), ("Seed", "x"), ("TopP", "x")), events));
        Assert.Equal(2, events.Diagnostics.Count());
    }

    [Fact]
    public void Different_spellings_of_a_number_are_one_value() =>
        Assert.Equal(Parse(("LearningRate", "2e-4"))["LearningRate"], Parse(("LearningRate", "0.0002"))["LearningRate"]);

    [Theory]
    [InlineData("auto", null)]
    [InlineData("Auto", null)]
    [InlineData("900000", 900000L)]
    [InlineData("900 MiB", 900L << 20)]
    [InlineData("1.5gib", 3L << 29)]
    [InlineData("64KiB", 65536L)]
    public void An_amount_of_memory_has_a_unit_or_is_in_bytes(string text, long? bytes) => Assert.Equal(bytes, Parse(("MaxMemory", text)).MaxMemory);

    [Fact]
    public void A_project_without_a_base_model_is_an_error() =>
        Assert.Equal("FT0003", Assert.Throws<FineTuneException>(
            () => SettingsParser.Parse(new Dictionary<string, SettingText>(), NullEventSink.Instance)).Diagnostic.Code.Id);

    [Theory]
    [InlineData("FineTuneMethod", "full")]
    [InlineData("InitialAdapter", "adapter")]
    public void A_setting_for_fresh_adapters_is_a_warning_where_none_is_made(string name, string value)
    {
        var events = new RecordingEvents();
        SettingsParser.Parse(Texts((name, value), ("LoraRank", "8")), events);
        Diagnostic warning = Assert.Single(events.Diagnostics);
        Assert.Equal(("FT0005", Severity.Warning), (warning.Code.Id, warning.Severity));
    }

    [Theory]
    [InlineData("full", "nf4", "Quantization")]
    [InlineData("lora", "none", "DoubleQuantization")]
    public void Quantisation_that_never_happens_is_a_warning(string method, string quantization, string name)
    {
        var events = new RecordingEvents();
        SettingsParser.Parse(Texts(("FineTuneMethod", method), ("Quantization", quantization), ("DoubleQuantization", "true")), events);
        Assert.Contains(events.Diagnostics, warning => warning.Code.Id == "FT0005" && warning.Message.StartsWith(name, StringComparison.Ordinal));
    }

    [Fact]
    public void Quantisation_that_happens_is_no_warning()
    {
        var events = new RecordingEvents();
        SettingsParser.Parse(Texts(("FineTuneMethod", "qlora"), ("DoubleQuantization", "true"), ("InitialAdapter", "adapter")), events);
        SettingsParser.Parse(Texts(("Quantization", "fp4"), ("DoubleQuantization", "true")), events);
        Assert.Empty(events.Diagnostics);
    }

    [Fact]
    public void Nearest_words_are_found_ignoring_case()
    {
        Assert.Equal("LoraRank", Suggestion.Nearest("LoraRnk", SettingTable.All.Select(setting => setting.Name)));
        Assert.Null(Suggestion.Nearest("Configuration", SettingTable.All.Select(setting => setting.Name)));
    }
}
