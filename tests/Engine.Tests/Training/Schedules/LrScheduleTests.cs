using System.Text.Json;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Training.Schedules;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Training.Schedules;

/// <summary>Golden: transformers get_scheduler and TrainingArguments.get_warmup_steps (tests/Goldens/training/lr_schedules.json).</summary>
public class LrScheduleTests
{
    private const double RelativeTolerance = 1e-12;

    private static readonly JsonElement Golden =
        JsonDocument.Parse(File.ReadAllText(Path.Combine(Paths.Goldens, "training", "lr_schedules.json"))).RootElement;

    public static TheoryData<int> Cases => [.. Enumerable.Range(0, Golden.GetProperty("schedules").GetArrayLength())];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Rates_equal_the_reference_at_every_update_and_past_the_end(int index)
    {
        JsonElement golden = Golden.GetProperty("schedules")[index];
        LrSchedule schedule = LrSchedules.Find(NameOf(golden.GetProperty("name").GetString()!));
        LrScheduleSettings settings = SettingsOf(golden);
        double[] expected = [.. golden.GetProperty("values").EnumerateArray().Select(value => value.GetDouble())];
        for (int update = 0; update < expected.Length; update++)
        {
            double actual = schedule.LearningRate(update, settings);
            Assert.True(
                Math.Abs(actual - expected[update]) <= RelativeTolerance * Math.Abs(expected[update]),
                $"{schedule.Name}: update {update} has rate {actual:R}, not {expected[update]:R}");
        }
    }

    [Fact]
    public void Every_schedule_has_a_golden()
    {
        IEnumerable<string> golden = Golden.GetProperty("schedules").EnumerateArray().Select(entry => NameOf(entry.GetProperty("name").GetString()!));
        Assert.Equal(LrSchedules.All.Select(schedule => schedule.Name).Order(), golden.Distinct().Order());
    }

    [Fact]
    public void Every_schedule_that_a_project_may_name_exists() =>
        Assert.Subset(LrSchedules.All.Select(schedule => schedule.Name).ToHashSet(), SettingTable.LrSchedulers.ToHashSet());

    [Fact]
    public void An_unknown_schedule_is_a_wrong_setting()
    {
        FineTuneException exception = Assert.Throws<FineTuneException>(() => LrSchedules.Find("cosin"));
        Assert.Equal(Codes.BadSetting, exception.Diagnostic.Code);
        Assert.Contains("cosine-with-restarts", exception.Message);
    }

    [Fact]
    public void Warmup_steps_are_rounded_as_the_reference_rounds_them()
    {
        foreach (JsonElement golden in Golden.GetProperty("warmup_rounding").EnumerateArray())
        {
            double value = golden.GetProperty("warmup_steps").GetDouble();
            IEnumerable<long> actual = golden.GetProperty("totals").EnumerateArray().Select(total => LrScheduleSettings.Warmup(value, total.GetInt64()));
            Assert.Equal(golden.GetProperty("result").EnumerateArray().Select(result => result.GetInt64()), actual);
        }
    }

    private static string NameOf(string reference) => reference.Replace('_', '-');

    private static LrScheduleSettings SettingsOf(JsonElement golden)
    {
        double rate = golden.GetProperty("lr").GetDouble();
        var settings = new LrScheduleSettings(rate, golden.GetProperty("num_training_steps").GetInt64(), golden.GetProperty("num_warmup_steps").GetInt64());
        foreach (JsonProperty option in golden.GetProperty("kwargs").EnumerateObject())
        {
            settings = option.Name switch
            {
                "num_cycles" => settings with { NumCycles = option.Value.GetDouble() },
                "lr_end" => settings with { LrEnd = option.Value.GetDouble() },
                "power" => settings with { Power = option.Value.GetDouble() },
                "timescale" => settings with { Timescale = option.Value.GetInt64() },
                "min_lr" => settings with { MinLrRatio = option.Value.GetDouble() / rate },
                "min_lr_rate" or "min_lr_ratio" => settings with { MinLrRatio = option.Value.GetDouble() },
                "warmup_lr_rate" => settings with { WarmupLrRate = option.Value.GetDouble() },
                "num_decay_steps" => settings with { DecaySteps = option.Value.GetInt64() },
                "num_stable_steps" => settings with { StableSteps = option.Value.GetInt64() },
                "decay_type" => settings with { DecayType = Ramp(option.Value.GetString()!) },
                "warmup_type" => settings with { WarmupType = Ramp(option.Value.GetString()!) },
                _ => throw new InvalidDataException(option.Name),
            };
        }

        return settings;
    }

    private static LrRamp Ramp(string name) => name switch
    {
        "linear" => LrRamp.Linear,
        "cosine" => LrRamp.Cosine,
        "1-sqrt" => LrRamp.OneMinusSqrt,
        _ => throw new InvalidDataException(name),
    };
}
