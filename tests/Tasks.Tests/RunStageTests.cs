using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using Microsoft.Build.Framework;
using Xunit;

namespace FineTuneTool.Tasks.Tests;

public class RunStageTests
{
    [Fact]
    public void A_stage_that_is_done_gives_its_folder_and_outputs_and_ends_with_its_link()
    {
        using var run = new StageRun("done");

        Assert.True(run.Task.Execute());

        Assert.EndsWith("0123456789abcdef", run.Task.Folder);
        ITaskItem output = Assert.Single(run.Task.Outputs);
        Assert.Equal("adapter", output.GetMetadata("Name"));
        Assert.StartsWith(run.Task.Folder, output.ItemSpec);
        Assert.Equal($"법 model -> {run.Task.Folder}", run.Engine.HighMessages[^1]);
        Assert.Empty(run.Engine.Errors);
    }

    [Fact]
    public void The_last_progress_is_shown_although_lines_came_faster_than_they_are_shown()
    {
        using var run = new StageRun("done");

        run.Task.Execute();

        Assert.Contains(run.Engine.HighMessages, message => message == "법 model train 3/5 loss 6");
    }

    [Fact]
    public void A_stage_that_is_up_to_date_succeeds_and_says_so()
    {
        using var run = new StageRun("up-to-date");

        Assert.True(run.Task.Execute());

        Assert.Equal(["법 model train is up to date", $"법 model -> {run.Task.Folder}"], run.Engine.HighMessages);
    }

    [Fact]
    public void The_request_holds_what_the_project_says_with_its_place()
    {
        using var run = new StageRun("echo");
        run.Task.LiveProgress = false;
        run.Task.Threads = 3;
        run.Add("QualityGate", "EvalLoss", ("Max", "1.8"));

        Assert.True(run.Task.Execute());

        ProjectRequest request = ProjectRequest.Read(Path.Combine(run.StageFolder, "request.json"));
        Assert.Equal(new SettingText("echo", run.ProjectFile, 3, 5), request.Settings["BaseModel"]);
        Assert.Equal("법 model", request.Project.Name);
        Assert.Equal(run.StageFolder, Path.Combine(request.Project.ObjFolder, "train"));
        Assert.EndsWith(Path.Combine("bin", "법 model"), request.Project.BinFolder);
        Assert.Equal(3, request.Threads);
        Assert.Equal("1.8", Assert.Single(request.ItemsOf("QualityGate")).Get("Max"));
        Assert.Contains(run.Engine.HighMessages, message => message == File.ReadAllText(Path.Combine(run.StageFolder, "request.json")));
    }

    [Fact]
    public void Diagnostics_keep_their_code_place_text_and_link()
    {
        using var run = new StageRun("bad-data");

        Assert.False(run.Task.Execute());

        BuildErrorEventArgs error = Assert.Single(run.Engine.Errors);
        Assert.Equal(("FT0102", 3, 1), (error.Code, error.LineNumber, error.ColumnNumber));
        Assert.EndsWith("data.jsonl", error.File);
        Assert.Equal("Line 3 is not JSON: {0}. Mend it.", error.Message);
        Assert.Equal("https://example.org/FT0102", error.HelpLink);
        Assert.Null(error.Subcategory);
        BuildWarningEventArgs warning = Assert.Single(run.Engine.Warnings);
        Assert.Equal(("FT0005", 4, 5, run.ProjectFile), (warning.Code, warning.LineNumber, warning.ColumnNumber, warning.File));
    }

    [Fact]
    public void A_crash_is_FT2004_with_the_end_of_the_log()
    {
        using var run = new StageRun("crash");

        Assert.False(run.Task.Execute());

        BuildErrorEventArgs error = Assert.Single(run.Engine.Errors);
        Assert.Equal(Codes.EngineStopped.Id, error.Code);
        Assert.Contains("exit code 134", error.Message);
        Assert.Contains("the tensor is on fire", error.Message);
        Assert.Equal(run.ProjectFile, error.File);
        string log = Path.Combine(run.StageFolder, "host.log");
        Assert.Contains(log, error.Message);
        Assert.Contains("Engine.Burn", File.ReadAllText(log));
    }

    [Fact]
    public void An_end_without_a_result_is_FT2004_whatever_the_exit_code()
    {
        using var run = new StageRun("silent-success");

        Assert.False(run.Task.Execute());

        Assert.Equal(Codes.EngineStopped.Id, Assert.Single(run.Engine.Errors).Code);
    }

    [Fact]
    public void A_host_that_does_not_exist_is_FT2004()
    {
        using var run = new StageRun("done");
        run.Task.Host = "/nowhere/finetune.dll";

        Assert.False(run.Task.Execute());

        Assert.Equal(Codes.EngineStopped.Id, Assert.Single(run.Engine.Errors).Code);
    }

    [Fact]
    public void Lines_that_are_not_the_protocol_are_kept_as_low_messages()
    {
        using var run = new StageRun("broken-lines");

        Assert.True(run.Task.Execute());

        Assert.Contains("warning: some library prints this", run.Engine.LowMessages);
        Assert.Contains("{\"type\":\"comet\"}", run.Engine.LowMessages);
        Assert.Empty(run.Engine.Errors);
    }

    [Fact]
    public void A_flood_on_standard_error_neither_blocks_nor_reaches_the_build_log()
    {
        using var run = new StageRun("loud-errors");

        Assert.True(run.Task.Execute());

        Assert.EndsWith("log line 19999 åß∂ 한국어", File.ReadAllText(Path.Combine(run.StageFolder, "host.log")).TrimEnd());
        Assert.DoesNotContain(run.Engine.HighMessages, message => message.Contains("log line"));
    }

    [Fact]
    public void Cancelling_asks_for_a_checkpoint_waits_for_it_and_says_where_it_stopped()
    {
        RunStage? task = null;
        using var run = new StageRun("train-until-stop") { Engine = new FakeBuildEngine { OnEvent = e => CancelAt(e, "training", task!) } };
        task = run.Task;
        task.BuildEngine = run.Engine;

        Assert.False(task.Execute());

        Assert.Contains("checkpoint written", run.Engine.HighMessages);
        Assert.Equal($"{Codes.Stopped.Id}: train stopped at step 8, resume with the same command", run.Engine.HighMessages[^1]);
        Assert.Empty(run.Engine.Errors);
        Assert.Empty(run.Engine.Warnings);
    }

    [Fact]
    public void A_stage_that_does_not_stop_within_the_grace_period_is_killed_with_FT2005()
    {
        RunStage? task = null;
        using var run = new StageRun("deaf") { Engine = new FakeBuildEngine { OnEvent = e => CancelAt(e, "training", task!) } };
        task = run.Task;
        task.BuildEngine = run.Engine;
        task.CancelGraceSeconds = 0;

        Assert.False(task.Execute());

        Assert.Equal(Codes.Stopped.Id, Assert.Single(run.Engine.Warnings).Code);
        Assert.Empty(run.Engine.Errors);
    }

    [Fact]
    public void Cancelling_before_the_start_runs_nothing()
    {
        using var run = new StageRun("done");
        run.Task.Cancel();

        Assert.False(run.Task.Execute());

        Assert.False(Directory.Exists(run.StageFolder));
        Assert.Empty(run.Engine.Errors);
    }

    [Fact]
    public void A_stage_that_stopped_without_being_asked_fails_the_build_with_FT2005()
    {
        using var run = new StageRun("stopped-by-itself");

        Assert.False(run.Task.Execute());

        Assert.Equal(Codes.Stopped.Id, Assert.Single(run.Engine.Errors).Code);
    }

    private static void CancelAt(BuildEventArgs e, string message, RunStage task)
    {
        if (e.Message == message)
        {
            task.Cancel();
        }
    }
}
