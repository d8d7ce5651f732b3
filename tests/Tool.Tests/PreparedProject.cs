using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Stages;
using FineTuneTool.TestKit;
using FineTuneTool.Tool.Commands;

namespace FineTuneTool.Tool.Tests;

/// <summary>A project whose data are prepared as its build prepares them, but in this process.</summary>
internal sealed class PreparedProject : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;
    private readonly string[] _settings;

    /// <param name="rows">Lines of train.jsonl.</param>
    /// <param name="settings">NAME=VALUE.</param>
    public PreparedProject(string model, IEnumerable<string> rows, params string[] settings)
    {
        _model = model;
        _settings = settings;
        _folder.Write("p.finetune", "<Project />");
        _folder.Write("train.jsonl", string.Join('\n', rows));
    }

    public string Folder => _folder.Path;

    public string PathOf(string name) => _folder.File(name);

    /// <summary>A conversation of one question and one answer, as a line.</summary>
    public static string Row(string question, string answer) =>
        $$"""{"messages": [{"role": "user", "content": {{Text(question)}}}, {"role": "assistant", "content": {{Text(answer)}}}]}""";

    public ToolRun Preview(params string[] options) =>
        ToolRun.InProcess([new PreviewCommand((_, settings, _, _) => Prepare(settings))], "", ["preview", Folder, .. options]);

    public void Dispose() => _folder.Dispose();

    private static string Text(string text) => System.Text.Json.JsonSerializer.Serialize(text);

    private ProjectRequest Prepare(IReadOnlyList<string> more)
    {
        string data = PathOf("train.jsonl");
        string[] settings = [$"BaseModel={_model}", "ValidationSplitRatio=0", .. _settings, .. more];
        var request = new ProjectRequest(
            ProjectRequest.CurrentFormatVersion, new ProjectLocation("p", PathOf("p.finetune"), Folder, Path.Combine(Folder, "obj", "p"), PathOf("bin")),
            settings.Select(setting => setting.Split('=', 2)).GroupBy(pair => pair[0]).ToDictionary(name => name.Key, name => new SettingText(name.Last()[1])),
            [new ProjectItem("TrainingData", data, data, new Dictionary<string, string>())]);
        StageRunner.Run(StageList.Find("preprocess")!, new StageContext(request, NullEventSink.Instance));
        return request;
    }
}
