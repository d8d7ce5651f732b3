using System.Security.Cryptography;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Stages;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Stages;

/// <summary>A project on the tiny model with twelve short conversations, whose stages run in this process.</summary>
public sealed class TinyProject : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public TinyProject()
    {
        TinyModel.Write(_folder.File("base"));
        string rows = string.Join('\n', Enumerable.Range(0, 12).Select(i =>
            $$"""{"messages": [{"role": "user", "content": "Question {{i}}?"}, {"role": "assistant", "content": "Answer {{i}}."}]}"""));
        _folder.Write("train.jsonl", rows);
        Items = [Item("TrainingData", "train.jsonl")];
    }

    internal RecordingEvents Events { get; } = new();

    /// <summary>Few steps at a rate that shows.</summary>
    public Dictionary<string, SettingText> Settings { get; } = new()
    {
        ["BaseModel"] = new("base"),
        ["MaxSeqLength"] = new("64"),
        ["GradientAccumulationSteps"] = new("1"),
        ["LearningRate"] = new("1e-2"),
        ["WarmupRatio"] = new("0"),
        ["MaxNewTokens"] = new("4"),
    };

    public List<ProjectItem> Items { get; }

    public void Dispose() => _folder.Dispose();

    public string PathOf(string name) => _folder.File(name);

    public ProjectItem Item(string type, string include, params (string Name, string Value)[] metadata) =>
        new(type, include, _folder.File(include), metadata.ToDictionary(pair => pair.Name, pair => pair.Value), "p.finetune", 9, 5);

    public StageContext Context(int threads = 2, CancellationToken stop = default) => new(
        new ProjectRequest(1, new ProjectLocation("p", PathOf("p.finetune"), _folder.Path, PathOf("obj/p"), PathOf("bin/p")), Settings, Items, threads), Events, stop);

    public StageResult Run(string stage) => StageRunner.Run(StageList.Find(stage)!, Context());

    /// <summary>Hash of the adapter of a run.</summary>
    public static string HashOf(StageResult train) =>
        Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(train.Outputs["adapter"], "adapter_model.safetensors"))));
}
