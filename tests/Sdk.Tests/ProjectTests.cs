using FineTuneTool.Engine.Protocol;
using Microsoft.Build.Logging.StructuredLogger;

namespace FineTuneTool.Sdk.Tests;

/// <summary>What a .finetune project is to dotnet and MSBuild; the engine is stood in for.</summary>
[Collection(nameof(SdkFeed))]
public sealed class ProjectTests(SdkFeed feed) : IDisposable
{
    private readonly ModelProject _project = new ModelProject(feed).WithFakeHost();

    public void Dispose() => _project.Dispose();

    [Fact]
    public void Build_validates_and_preprocesses_and_does_not_train()
    {
        _project.WithProject("legal", "<BaseModel>done</BaseModel>");

        Build build = _project.BuildWithLog("legal.finetune");

        Assert.Equal(["validate", "preprocess"], Stages(build));
        Assert.False(Directory.Exists(_project.PathOf("obj", "legal", "train")));
    }

    [Theory]
    [InlineData("Baseline", "validate preprocess baseline")]
    [InlineData("Train", "validate preprocess train")]
    [InlineData("Evaluate", "validate preprocess baseline train evaluate")]
    [InlineData("Merge", "validate preprocess train merge")]
    [InlineData("ExportGguf", "validate preprocess train exportgguf")]
    public void A_target_runs_the_stages_that_it_needs_in_order(string target, string stages)
    {
        _project.WithProject("legal", "<BaseModel>done</BaseModel>");

        Assert.Equal(stages.Split(' '), Stages(_project.BuildWithLog("legal.finetune", $"-t:{target}")));
    }

    [Fact]
    public void Environment_variables_do_not_become_settings_and_the_order_of_precedence_holds()
    {
        _project.Write("Directory.Build.props", "<Project><PropertyGroup><TopK>1</TopK><LoraRank>1</LoraRank><MaxSteps>1</MaxSteps></PropertyGroup></Project>");
        _project.WithProject("legal", "<BaseModel>done</BaseModel><LoraRank>2</LoraRank><MaxSteps>2</MaxSteps>");

        _project.BuildIn(new Dictionary<string, string?> { ["SEED"] = "7", ["Seed"] = "7", ["FineTuneMethod"] = "full", ["BaseModel"] = "crash", ["FineTuneThreads"] = "3" },
            "legal.finetune", "-p:MaxSteps=3", "-p:FineTuneMethod=qlora").Succeeded();

        ProjectRequest request = Request("legal", "preprocess");
        Assert.Equal("42", request.Settings["Seed"].Value);
        Assert.Equal("done", request.Settings["BaseModel"].Value);
        Assert.Equal(0, request.Threads);
        Assert.Equal(new SettingText("1", _project.PathOf("Directory.Build.props"), 1, 25), request.Settings["TopK"]);
        Assert.Equal("2", request.Settings["LoraRank"].Value);
        Assert.Equal(new SettingText("3"), request.Settings["MaxSteps"]);
        Assert.Equal(SettingTable.Find("LoraAlpha")!.DefaultFor("qlora"), request.Settings["LoraAlpha"].Value);
    }

    [Fact]
    public void The_engine_gets_every_setting_that_has_a_value_and_no_setting_of_an_adapter_when_all_weights_are_trained()
    {
        _project.WithProject("legal", "<BaseModel>done</BaseModel><FineTuneMethod>full</FineTuneMethod>");

        _project.Build("legal.finetune").Succeeded();

        ProjectRequest request = Request("legal", "validate");
        IEnumerable<string> expected = SettingTable.All
            .Where(setting => setting.Name is "BaseModel" || (setting.DefaultFor("full").Length > 0 && setting.AppliesTo("full")))
            .Select(setting => setting.Name);
        Assert.Equal(expected.Order(), request.Settings.Keys.Order());
        Assert.All(request.Settings.Where(setting => setting.Key is not ("BaseModel" or "FineTuneMethod")),
            setting => Assert.Equal(SettingTable.Find(setting.Key)!.DefaultFor("full"), setting.Value.Value));
    }

    [Fact]
    public void Lists_patterns_and_metadata_reach_the_engine_as_written()
    {
        _project.Write("data/a.jsonl", "{}");
        _project.WithProject("legal",
            "<BaseModel>done</BaseModel><LoraTargetModules>q_proj;v_proj</LoraTargetModules><LoraExcludeModules>.*\\.mlp\\.(up|down)%_x$</LoraExcludeModules>",
            """
            <TrainingData Include="data/*.jsonl" Format="alpaca" Columns="instruction=question;output=answer" />
            <SamplePrompt Include="What is a &quot;lease&quot;, exactly?" />
            """);

        _project.Build("legal.finetune").Succeeded();

        ProjectRequest request = Request("legal", "preprocess");
        Assert.Equal("q_proj;v_proj", request.Settings["LoraTargetModules"].Value);
        Assert.Equal(".*\\.mlp\\.(up|down)%_x$", request.Settings["LoraExcludeModules"].Value);
        ProjectItem data = request.ItemsOf("TrainingData").Single();
        Assert.Equal("instruction=question;output=answer", data.Get("Columns"));
        Assert.Equal(["Columns", "Format"], data.Metadata.Keys.Order());
        Assert.Equal(_project.PathOf("data", "a.jsonl"), data.FullPath);
        Assert.Equal("What is a \"lease\", exactly?", request.ItemsOf("SamplePrompt").Single().Include);
    }

    [Fact]
    public void A_data_set_of_the_Hub_reaches_the_engine_by_its_name()
    {
        _project.WithProject("legal", "<BaseModel>done</BaseModel>", """<TrainingData Include="hub:owner/name@v1.0/en:train" Limit="5" />""");

        _project.Build("legal.finetune").Succeeded();

        ProjectItem data = Request("legal", "preprocess").ItemsOf("TrainingData").Single();
        Assert.Equal(("hub:owner/name@v1.0/en:train", null, "5"), (data.Include, data.FullPath, data.Get("Limit")));
        Assert.Equal((_project.PathOf("legal.finetune"), 6), (data.File, data.Line));
    }

    [Fact]
    public void Errors_of_the_engine_appear_with_their_place_and_NoWarn_silences_warnings()
    {
        _project.WithProject("legal", "<BaseModel>bad-data</BaseModel><NoWarn>$(NoWarn);FT0005</NoWarn>");

        CommandResult result = _project.Build("legal.finetune").Failed();

        Assert.Contains($"{_project.PathOf("data.jsonl")}(3,1): error FT0102: Line 3 is not JSON: {{0}}. Mend it.", result.Output);
        Assert.DoesNotContain("warning FT0005", result.Output);
    }

    [Fact]
    public void A_misspelt_setting_is_a_warning_that_can_be_made_an_error()
    {
        _project.WithProject("legal", "<BaseModel>done</BaseModel>\n    <LoraRnak>16</LoraRnak>");

        Assert.Contains("legal.finetune(4,5): warning FT0002", _project.Build("legal.finetune").Succeeded().Output);
        Assert.Contains("legal.finetune(4,5): error FT0002", _project.Build("legal.finetune", "-warnaserror:FT0002").Failed().Output);
    }

    [Fact]
    public void Two_projects_in_one_folder_share_nothing_and_a_solution_builds_both()
    {
        _project.WithProject("legal", "<BaseModel>done</BaseModel>").WithProject("chat", "<BaseModel>done</BaseModel>");
        _project.Write("all.slnx", """
            <Solution>
              <Configurations>
                <ProjectType TypeId="6E3F0C8A-5B1D-4E57-9A2C-7D41F3B08E16" Name="FineTune" Extension=".finetune" />
              </Configurations>
              <Project Path="legal.finetune" />
              <Project Path="chat.finetune" />
            </Solution>
            """);

        CommandResult result = _project.Build("-t:Train").Succeeded();

        foreach (string name in new[] { "legal", "chat" })
        {
            Assert.Contains($"{name} -> {_project.PathOf("obj", name, "train", "0123456789abcdef")}", result.Output);
            Assert.True(File.Exists(_project.PathOf("obj", name, "project.assets.json")));
            Assert.Equal(name, Request(name, "train").Project.Name);
        }
    }

    [Fact]
    public void The_extension_is_one_that_dotnet_sln_add_knows()
    {
        _project.WithProject("legal", "<BaseModel>done</BaseModel>");
        using var solution = new DotNetCommand(_project.Folder, feed.Environment, "new", "sln", "-n", "all");
        solution.Finish().Succeeded();

        using var add = new DotNetCommand(_project.Folder, feed.Environment, "sln", "add", "legal.finetune");
        add.Finish().Succeeded();

        Assert.Contains("legal -> ", _project.Build("-t:Train").Succeeded().Output);
    }

    [Fact]
    public void Clean_keeps_models_unless_asked_and_a_release_build_uses_the_same_folders()
    {
        _project.WithProject("legal", "<BaseModel>done</BaseModel>");
        _project.Build("legal.finetune", "-t:Train", "-c", "Release").Succeeded();
        string adapter = _project.Write("obj/legal/train/0123/adapter.safetensors", "weights");
        string prepared = _project.Write("obj/legal/preprocess/0123/train.bin", "rows");
        string merged = _project.Write("bin/legal/merged/model.safetensors", "weights");

        _project.Build("legal.finetune").Succeeded();
        Assert.True(File.Exists(prepared) && File.Exists(adapter) && File.Exists(merged));

        _project.Run("clean", "legal.finetune").Succeeded();
        Assert.False(File.Exists(prepared));
        Assert.True(File.Exists(adapter) && File.Exists(merged));

        _project.Run("clean", "legal.finetune", "-p:FineTuneCleanModels=true").Succeeded();
        Assert.False(File.Exists(adapter) || File.Exists(merged));
        Assert.False(Directory.Exists(_project.PathOf("obj", "Release")) || Directory.Exists(_project.PathOf("obj", "legal", "Release")));
    }

    [Fact]
    public void Targets_of_a_project_hook_onto_a_stage_and_see_its_outputs()
    {
        _project.Write("legal.finetune", $"""
            <Project Sdk="FineTuneTool.Sdk/{feed.Version}">
              <PropertyGroup>
                <BaseModel>done</BaseModel>
                <TrainDependsOn>$(TrainDependsOn);Announce</TrainDependsOn>
              </PropertyGroup>
              <Target Name="MakeData" BeforeTargets="CollectFineTuneItems">
                <ItemGroup><TrainingData Include="made.jsonl" /></ItemGroup>
              </Target>
              <Target Name="Announce">
                <Message Importance="high" Text="trained %(TrainOutput.Name) in $([System.IO.Path]::GetFileName('$(TrainFolder)'))" />
              </Target>
            </Project>
            """);

        CommandResult result = _project.Build("legal.finetune", "-t:Train").Succeeded();

        Assert.Contains("trained adapter in 0123456789abcdef", result.Output);
        Assert.Equal("made.jsonl", Request("legal", "train").ItemsOf("TrainingData").Single().Include);
    }

    private static IEnumerable<string> Stages(Build build)
    {
        var stages = new List<string>();
        build.VisitAllChildren<Microsoft.Build.Logging.StructuredLogger.Task>(task =>
        {
            if (task.Name == "RunStage")
            {
                stages.Add(task.FindFirstDescendant<Property>(property => property.Name == "Stage").Value);
            }
        });
        return stages;
    }

    private ProjectRequest Request(string project, string stage) => ProjectRequest.Read(_project.PathOf("obj", project, stage, "request.json"));
}
