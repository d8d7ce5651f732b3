using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.TestKit;
using FineTuneTool.Tool.Commands;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Tests;

/// <summary>On projects of plain targets, without the SDK.</summary>
public sealed class ProjectBuildTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Settings_reach_the_build_as_they_are()
    {
        string project = Project("""<WriteLinesToFile File="said.txt" Lines="[$([MSBuild]::Escape($(LoraTargetModules)))][$(SystemPrompt)]" Overwrite="true" />""");
        Directory.CreateDirectory(_folder.File("obj/p/preprocess"));
        new ProjectRequest(1, new ProjectLocation("p", project, _folder.Path, "obj", "bin"), new Dictionary<string, SettingText>(), [])
            .Write(_folder.File("obj/p/preprocess/request.json"));
        Run(project, "LoraTargetModules=q_proj;v_proj", "SystemPrompt=Be brief, 100%25 of it.");
        Assert.Equal("[q_proj;v_proj][Be brief, 100%25 of it.]", File.ReadAllText(_folder.File("said.txt")).Trim());
    }

    [Fact]
    public void A_project_that_does_not_build_is_FT0008_and_the_build_says_why()
    {
        using var messages = new StringWriter();
        string project = Project("""<Error Text="the data are gone" />""");
        Diagnostic diagnostic = Assert.Throws<FineTuneException>(() => ProjectBuild.Run(project, [], Console(messages), CancellationToken.None)).Diagnostic;
        Assert.Equal((Codes.UpstreamMissing, project), (diagnostic.Code, diagnostic.Position.File));
        Assert.Contains("the data are gone", messages.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_project_of_another_kind_is_FT0008()
    {
        Diagnostic diagnostic = Assert.Throws<FineTuneException>(() => Run(Project(""))).Diagnostic;
        Assert.Equal(Codes.UpstreamMissing, diagnostic.Code);
        Assert.Contains("FineTuneTool.Sdk", diagnostic.Remedy, StringComparison.Ordinal);
    }

    private static ToolConsole Console(TextWriter messages) => new(TextReader.Null, TextWriter.Null, messages);

    private static void Run(string project, params string[] settings) => ProjectBuild.Run(project, settings, Console(TextWriter.Null), CancellationToken.None);

    private string Project(string task) =>
        _folder.Write("p.finetune", $"""<Project DefaultTargets="Build"><Target Name="Restore" /><Target Name="Build">{task}</Target></Project>""");
}
