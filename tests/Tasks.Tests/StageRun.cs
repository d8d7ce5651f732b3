using FineTuneTool.TestKit;
using Microsoft.Build.Utilities;

namespace FineTuneTool.Tasks.Tests;

/// <summary>A project folder and a stage of it that is run with the fake host.</summary>
internal sealed class StageRun : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public StageRun(string scenario)
    {
        ProjectFile = _folder.Write("법 model.finetune", $"""
            <Project Sdk="FineTuneTool.Sdk">
              <PropertyGroup>
                <BaseModel>{scenario}</BaseModel>
              </PropertyGroup>
            </Project>
            """);
        Task = new RunStage
        {
            BuildEngine = Engine,
            Stage = "train",
            ProjectFile = ProjectFile,
            ObjFolder = "obj/법 model/",
            BinFolder = "bin/법 model/",
            Host = FakeHost,
            Settings = [new TaskItem("BaseModel", new Dictionary<string, string> { ["Value"] = scenario })],
        };
    }

    public string ProjectFile { get; }

    public FakeBuildEngine Engine { get; init; } = new();

    public RunStage Task { get; }

    public string StageFolder => _folder.File(Path.Combine("obj", "법 model", "train"));

    /// <summary>Built with the tests, in the same configuration.</summary>
    private static string FakeHost =>
        AppContext.BaseDirectory.Replace("Tasks.Tests", "FakeHost", StringComparison.Ordinal) + "FineTuneTool.FakeHost.dll";

    public void Add(string type, string include, params (string Name, string Value)[] metadata)
    {
        var item = new TaskItem(include);
        item.SetMetadata("FineTuneItemType", type);
        foreach ((string name, string value) in metadata)
        {
            item.SetMetadata(name, value);
        }

        Task.Items = [.. Task.Items, item];
    }

    public void Dispose()
    {
        Task.Dispose();
        _folder.Dispose();
    }
}
