using System.Globalization;
using System.Reflection;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Training;

namespace FineTuneTool.Engine.Tests.Training;

public class TrainingSettingsTests
{
    private static readonly Dictionary<string, string> Texts = new()
    {
        ["NumEpochs"] = "1.5",
        ["MaxSteps"] = "7",
        ["MicroBatchSize"] = "3",
        ["GradientAccumulationSteps"] = "5",
        ["LearningRate"] = "0.002",
        ["LrScheduler"] = "linear",
        ["WarmupRatio"] = "0.2",
        ["WarmupSteps"] = "4",
        ["MinLrRatio"] = "0.1",
        ["LoraPlusLrRatio"] = "16",
        ["NeftuneNoiseAlpha"] = "5",
        ["Optimizer"] = "lion",
        ["WeightDecay"] = "0.3",
        ["AdamBeta1"] = "0.8",
        ["AdamBeta2"] = "0.95",
        ["AdamEpsilon"] = "1E-06",
        ["MaxGradNorm"] = "2",
        ["EvalSteps"] = "11",
        ["SaveSteps"] = "22",
        ["SaveTotalLimit"] = "6",
        ["LoggingSteps"] = "9",
        ["EarlyStoppingPatience"] = "8",
        ["MetricForBestModel"] = "TokenAccuracy",
        ["LoadBestModelAtEnd"] = "False",
        ["Seed"] = "13",
    };

    [Fact]
    public void Every_training_setting_of_a_project_reaches_the_trainer()
    {
        var texts = Texts.ToDictionary(text => text.Key, text => new SettingText(text.Value.ToLowerInvariant()));
        texts["BaseModel"] = new SettingText("model");
        TrainingSettings settings = TrainingSettings.From(SettingsParser.Parse(texts, NullEventSink.Instance));
        PropertyInfo[] properties = typeof(TrainingSettings).GetProperties();
        Assert.Equal(Texts.Keys.Order(), properties.Select(property => property.Name).Order());
        Assert.All(properties, property =>
            Assert.Equal(Texts[property.Name], Convert.ToString(property.GetValue(settings), CultureInfo.InvariantCulture)));
    }

    [Fact]
    public void Defaults_are_those_of_the_table() =>
        Assert.Equal(new TrainingSettings(), TrainingSettings.From(SettingsParser.Parse(new Dictionary<string, SettingText> { ["BaseModel"] = new("m") }, NullEventSink.Instance)));
}
