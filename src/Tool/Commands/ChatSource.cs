using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Stages;

namespace FineTuneTool.Tool.Commands;

/// <summary>What a chat runs and how it asks: from the command line, or from the newest result of a project.</summary>
/// <param name="Model">As MODEL on the command line.</param>
/// <param name="Directory">Folder that relative paths start from.</param>
/// <param name="Adapters">Adapter folders or projects.</param>
/// <param name="Settings">Settings of the project's newest training; null without a project.</param>
/// <param name="SamplePrompts">Prompts for --demo.</param>
internal sealed record ChatSource(string Model, string Directory, IReadOnlyList<string> Adapters, RunSettings? Settings, IReadOnlyList<string> SamplePrompts)
{
    /// <summary>Prompts for --demo where no project brings its own.</summary>
    private static readonly string[] OwnPrompts =
    [
        "What are three good habits for writing clear e-mails?",
        "Explain in two sentences why the sky is blue.",
        "Give me a tip for saving water at home.",
    ];

    public static ChatSource OfModel(string model, IReadOnlyList<string> adapters) =>
        new(model, System.IO.Directory.GetCurrentDirectory(), adapters, null, OwnPrompts);

    /// <summary>The trained model or base and adapter, template and sample prompts of a project's newest training.</summary>
    /// <param name="path">The .finetune file or its folder.</param>
    /// <param name="adapters">Adapters that replace the project's own.</param>
    /// <exception cref="FineTuneException">FT0008: there is no project, or it has not been trained.</exception>
    public static ChatSource OfProject(string path, IReadOnlyList<string> adapters, IEventSink events)
    {
        string project = ProjectResults.FindProject(path);
        ProjectRequest request = ReadRequest(project);
        RunSettings settings = SettingsParser.Parse(request.Settings, events);
        IReadOnlyList<string> prompts = Measurement.Prompts(request);
        string model = settings.IsFull ? ProjectResults.Output(project, "train", "model") : settings.BaseModel;
        string[] own = settings.IsFull ? [] : [ProjectResults.Output(project, "train", "adapter")];
        return new ChatSource(model, request.Project.Directory, adapters.Count > 0 ? adapters : own, settings, prompts.Count > 0 ? prompts : OwnPrompts);
    }

    private static ProjectRequest ReadRequest(string project)
    {
        string path = Path.Combine(ProjectResults.ObjFolder(project), "train", "request.json");
        try
        {
            return ProjectRequest.Read(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or System.Text.Json.JsonException)
        {
            throw new FineTuneException(
                Codes.UpstreamMissing, $"{Path.GetFileName(project)} has not been trained: {exception.Message}",
                $"Run: dotnet build {Path.GetFileName(project)} -t:Train", new SourcePosition(project), exception);
        }
    }
}
