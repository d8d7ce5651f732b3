using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.TestKit;
using Microsoft.Build.Framework;
using Xunit;

namespace FineTuneTool.Tasks.Tests;

public class CheckSettingNamesTests
{
    [Fact]
    public void A_misspelt_setting_is_FT0002_at_its_place_with_a_suggestion()
    {
        using var folder = new TemporaryFolder();
        string project = folder.Write("a.finetune", """
            <Project>
              <PropertyGroup>
                <LoraRank>16</LoraRank>
                <LoraRnak>16</LoraRnak>
                <MyOwnProperty>1</MyOwnProperty>
              </PropertyGroup>
            </Project>
            """);
        var engine = new FakeBuildEngine { GlobalProperties = new() { ["LearningRat"] = "1", ["Configuration"] = "Release" } };

        Assert.True(new CheckSettingNames { BuildEngine = engine, ProjectFile = project }.Execute());

        BuildWarningEventArgs inProject = engine.Warnings[0], onCommandLine = engine.Warnings[1];
        Assert.Equal(2, engine.Warnings.Count);
        Assert.Equal((Codes.UnknownSetting.Id, project, 4, 5), (inProject.Code, inProject.File, inProject.LineNumber, inProject.ColumnNumber));
        Assert.Contains("Did you mean LoraRank?", inProject.Message);
        Assert.Contains("Did you mean LearningRate?", onCommandLine.Message);
    }

    [Theory]
    [InlineData("Tmp")]
    [InlineData("OutputPath")]
    [InlineData("Optimize")]
    [InlineData("Version")]
    [InlineData("TargetFramework")]
    [InlineData("NoWarn")]
    [InlineData("_LoraRnk")]
    [InlineData("lorarank")]
    public void A_property_that_is_a_setting_or_means_something_else_is_left_alone(string name) => Assert.Null(CheckSettingNames.Misspelt(name));

    [Fact]
    public void Every_setting_with_two_letters_exchanged_is_recognised()
    {
        foreach (string name in SettingTable.All.Select(setting => setting.Name).Where(name => name.Length >= 6))
        {
            string misspelt = name[..3] + name[4] + name[3] + name[5..];
            if (!misspelt.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                Assert.Equal(name, CheckSettingNames.Misspelt(misspelt));
            }
        }
    }
}
