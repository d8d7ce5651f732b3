using FineTuneTool.Engine.Protocol;
using FineTuneTool.TestKit;
using Microsoft.Build.Utilities;
using Xunit;

namespace FineTuneTool.Tasks.Tests;

public sealed class SettingsReaderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_place_is_that_of_the_assignment_that_gave_the_value()
    {
        string shared = _folder.Write("Directory.Build.props", """
            <Project>
              <PropertyGroup>
                <LoraRank>8</LoraRank>
                <Seed>7</Seed>
              </PropertyGroup>
            </Project>
            """);
        string project = _folder.Write("a.finetune", """
            <Project Sdk="FineTuneTool.Sdk">
              <PropertyGroup>
                <LoraRank Condition="'$(Small)' == 'true'">4</LoraRank>
                  <LoraRank>16</LoraRank>
                <BaseModel>$(Models)/a.gguf</BaseModel>
              </PropertyGroup>
            </Project>
            """);

        Dictionary<string, SettingText> settings = Read(project, [shared], ("LoraRank", "16"), ("Seed", "7"), ("BaseModel", "/m/a.gguf"), ("TopK", "5"), ("TopP", ""));

        Assert.Equal(new SettingText("16", project, 4, 7), settings["LoraRank"]);
        Assert.Equal(new SettingText("7", shared, 4, 5), settings["Seed"]);
        Assert.Equal(new SettingText("/m/a.gguf", project, 5, 5), settings["BaseModel"]);
        Assert.Equal(new SettingText("5"), settings["TopK"]);
        Assert.DoesNotContain("TopP", settings.Keys);
    }

    [Fact]
    public void A_value_of_the_command_line_has_no_place_although_the_project_sets_the_same_setting()
    {
        string project = _folder.Write("a.finetune", "<Project><PropertyGroup><LoraRank>16</LoraRank></PropertyGroup></Project>");

        Assert.Equal(new SettingText("64"), Read(project, [], ("LoraRank", "64"))["LoraRank"]);
    }

    [Fact]
    public void Assignments_inside_targets_are_no_place()
    {
        string project = _folder.Write("a.finetune", "<Project><Target Name=\"T\"><PropertyGroup><LoraRank>16</LoraRank></PropertyGroup></Target></Project>");

        Assert.Null(Read(project, [], ("LoraRank", "16"))["LoraRank"].File);
    }

    [Fact]
    public void Imports_are_followed()
    {
        string common = _folder.Write("common/settings.props", "<Project>\n<PropertyGroup>\n<LoraRank>16</LoraRank>\n</PropertyGroup>\n</Project>");
        string project = _folder.Write("a.finetune", "<Project><Import Project=\"$(MSBuildThisFileDirectory)common/settings.props\" /></Project>");

        Assert.Equal(new SettingText("16", common, 3, 1), Read(project, [], ("LoraRank", "16"))["LoraRank"]);
    }

    [Fact]
    public void A_file_found_by_a_pattern_has_the_place_of_the_pattern()
    {
        string project = _folder.Write("a.finetune", """
            <Project>
              <ItemGroup>
                <TrainingData Include="special.csv" />
                <TrainingData Include="data/*.jsonl" Format="alpaca" />
                <SamplePrompt Include="What is 2 + 2?" />
                <TrainingData Include="hub:owner/name" />
              </ItemGroup>
            </Project>
            """);
        var reader = new SettingsReader(new ProjectSources(project, []));

        List<ProjectItem> items = reader.Items(
        [
            Item("TrainingData", "data/b.jsonl", ("Format", "alpaca")), Item("TrainingData", "special.csv"),
            Item("SamplePrompt", "What is 2 + 2?"), Item("TrainingData", "hub:owner/name"),
        ]);

        Assert.Equal([4, 3, 5, 6], items.Select(item => item.Line));
        Assert.Equal("alpaca", items[0].Get("Format"));
        Assert.Single(items[0].Metadata);
        Assert.Equal(Path.GetFullPath("data/b.jsonl"), items[0].FullPath);
        Assert.Null(items[2].FullPath);
        Assert.Null(items[3].FullPath);
    }

    [Fact]
    public void A_prompt_with_a_question_mark_comes_back_although_MSBuild_took_it_for_a_file_pattern()
    {
        string project = _folder.Write("a.finetune", """
            <Project>
              <ItemGroup>
                <SamplePrompt Include="Why is the sky blue?" />
                <SamplePrompt Include="Say hello." />
                <SamplePrompt Include="prompts/*.txt" />
                <SamplePrompt Include="Really?" Condition="'$(More)' == 'true'" />
                <SamplePrompt Include="$(Mine)?" />
              </ItemGroup>
            </Project>
            """);

        List<ProjectItem> items = new SettingsReader(new ProjectSources(project, [])).Items(
            [Item("QualityGate", "EvalLoss"), Item("SamplePrompt", "Say hello."), Item("SamplePrompt", "prompts/a.txt")]);

        Assert.Equal(["EvalLoss", "Why is the sky blue?", "Say hello.", "prompts/a.txt"], items.Select(item => item.Include));
        Assert.Equal((3, project), (items[1].Line, items[1].File));
    }

    [Fact]
    public void A_damaged_import_costs_places_and_nothing_else()
    {
        string damaged = _folder.Write("Directory.Build.props", "<Project><PropertyGroup>");
        string project = _folder.Write("a.finetune", "<Project><PropertyGroup><LoraRank>16</LoraRank></PropertyGroup></Project>");

        Assert.Equal(project, Read(project, [damaged], ("LoraRank", "16"))["LoraRank"].File);
    }

    private static Dictionary<string, SettingText> Read(string project, string[] imported, params (string Name, string Value)[] settings) =>
        new SettingsReader(new ProjectSources(project, imported)).Settings(
            settings.Select(setting => new TaskItem(setting.Name, new Dictionary<string, string> { ["Value"] = setting.Value })));

    private static TaskItem Item(string type, string include, params (string Name, string Value)[] metadata)
    {
        var item = new TaskItem(include, new Dictionary<string, string> { ["FineTuneItemType"] = type });
        foreach ((string name, string value) in metadata)
        {
            item.SetMetadata(name, value);
        }

        return item;
    }
}
