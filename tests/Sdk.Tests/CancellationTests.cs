namespace FineTuneTool.Sdk.Tests;

/// <summary>Interrupting a real build; the engine is stood in for.</summary>
[Collection(nameof(SdkFeed))]
public sealed class CancellationTests(SdkFeed feed) : IDisposable
{
    private readonly ModelProject _project = new ModelProject(feed).WithFakeHost();

    public void Dispose() => _project.Dispose();

    [UnixFact]
    public void An_interrupted_build_waits_for_the_checkpoint_and_says_how_to_go_on()
    {
        _project.WithProject("legal", "<BaseModel>train-until-stop</BaseModel><ValidateDependsOn /><PreprocessDependsOn />");
        using DotNetCommand build = _project.Start("build", "legal.finetune", "-t:Train");
        build.WaitFor("training");

        build.Interrupt();
        CommandResult result = build.Finish().Failed();

        Assert.Contains("checkpoint written", result.Output);
        Assert.Contains("train stopped at step 8, resume with the same command", result.Output);
        Assert.DoesNotContain("MSB4181", result.Output);
    }

    [Fact]
    public void An_engine_that_crashes_fails_the_build_with_FT2004()
    {
        _project.WithProject("legal", "<BaseModel>crash</BaseModel>");

        CommandResult result = _project.Build("legal.finetune").Failed();

        Assert.Contains("legal.finetune : error FT2004", result.Output);
        Assert.Contains("the tensor is on fire", result.Output);
    }
}
