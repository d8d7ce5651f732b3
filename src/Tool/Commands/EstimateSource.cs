using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Stages;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>What an estimate is made from: a project as it stands now, with its prepared data, or a model with every setting at its default.</summary>
internal static class EstimateSource
{
    public static bool IsProject(string source) =>
        source.EndsWith(".finetune", StringComparison.OrdinalIgnoreCase)
        || (Directory.Exists(source) && !File.Exists(Path.Combine(source, "config.json")) && Directory.EnumerateFiles(source, "*.finetune").Any());

    public static ProjectRequest OfModel(string model)
    {
        string folder = Directory.GetCurrentDirectory(), nowhere = Path.Combine(Path.GetTempPath(), "finetune-estimate");
        return new ProjectRequest(
            ProjectRequest.CurrentFormatVersion, new ProjectLocation("model", model, folder, nowhere, nowhere),
            new Dictionary<string, SettingText> { [nameof(RunSettings.BaseModel)] = new(model) }, []);
    }

    /// <summary>Builds the project first, which prepares its data and does nothing where they are prepared already.</summary>
    /// <exception cref="FineTuneException">FT0008: the build failed.</exception>
    public static (ProjectRequest Request, long? RowTokens, long? Rows, bool Evaluates) OfProject(string source, ToolConsole console, CancellationToken cancellation)
    {
        string project = ProjectResults.FindProject(source);
        ProjectRequest request = ProjectBuild.Run(project, [], console, cancellation);
        using TokenizedDataset training = TokenizedDataset.Open(ProjectResults.Output(project, "preprocess", "train"));
        using TokenizedDataset validation = TokenizedDataset.Open(ProjectResults.Output(project, "preprocess", "validation"));
        return (request, training.Tokens, training.Count, validation.SupervisedTokens > 0);
    }
}
