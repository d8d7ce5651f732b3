using FineTuneTool.Engine.Protocol;
using Microsoft.Build.Utilities;
using Xunit;

namespace FineTuneTool.Tasks.Tests;

public class EventForwarderTests
{
    private readonly FakeBuildEngine _engine = new();
    private readonly ManualTime _time = new();

    [Fact]
    public void A_log_gets_a_line_every_ten_seconds_and_the_last()
    {
        EventForwarder forwarder = Forwarder(live: false, terminal: false);
        for (int second = 0; second <= 25; second++)
        {
            forwarder.Forward(Progress(second, 25));
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(["legal train 0/25", "legal train 10/25", "legal train 20/25", "legal train 25/25"], _engine.HighMessages);
    }

    [Fact]
    public void A_terminal_gets_four_lines_a_second()
    {
        EventForwarder forwarder = Forwarder(live: true, terminal: true);
        for (int i = 0; i < 100; i++)
        {
            forwarder.Forward(Progress(i, 1000));
            _time.Advance(TimeSpan.FromMilliseconds(10));
        }

        Assert.Equal(4, _engine.LiveMessages.Count);
    }

    [Fact]
    public void Live_progress_carries_what_the_terminal_logger_reads()
    {
        Forwarder(live: true, terminal: true).Forward(new HostLine("progress") { Activity = "train", Done = 40, Total = 200, Detail = "loss 1.2346" }.ToJson());

        var message = Assert.Single(_engine.LiveMessages);
        Assert.Equal("TLTESTPASSED", message.ExtendedType);
        Assert.Equal("train 40/200", message.ExtendedMetadata!["localizedResult"]);
        Assert.Equal("loss 1.2346", message.ExtendedMetadata["displayName"]);
        Assert.Equal("legal train 40/200 loss 1.2346", message.Message);
    }

    [Fact]
    public void Work_of_unknown_length_shows_its_detail_or_its_count()
    {
        EventForwarder forwarder = Forwarder(live: false, terminal: false);
        forwarder.Forward(new HostLine("progress") { Activity = "preprocess", Done = 195, Detail = "195 examples" }.ToJson());
        _time.Advance(TimeSpan.FromMinutes(1));
        forwarder.Forward(new HostLine("progress") { Activity = "hashing", Done = 7 }.ToJson());

        Assert.Equal(["legal preprocess 195 examples", "legal hashing 7"], _engine.HighMessages);
    }

    [Fact]
    public void Metrics_are_for_a_detailed_log()
    {
        Forwarder(live: true, terminal: true).Forward(
            new HostLine("metric") { Step = 39, Values = new Dictionary<string, double> { ["step"] = 39, ["loss"] = 1.23456, ["learning_rate"] = 2e-4 } }.ToJson());

        Assert.Empty(_engine.HighMessages);
        Assert.Equal("step 39: loss 1.235, learning_rate 0.0002", Assert.Single(_engine.NormalMessages));
    }

    [Fact]
    public void A_milestone_shows_the_numbers_held_back_before_it()
    {
        EventForwarder forwarder = Forwarder(live: false, terminal: false);
        forwarder.Forward(Progress(1, 9));
        forwarder.Forward(Progress(2, 9));
        forwarder.Forward(new HostLine("milestone") { Text = "checkpoint {2}" }.ToJson());

        Assert.Equal(["legal train 1/9", "legal train 2/9", "checkpoint {2}"], _engine.HighMessages);
    }

    [Fact]
    public void Milestones_stay_on_the_terminal()
    {
        Forwarder(live: true, terminal: true).Forward(new HostLine("milestone") { Text = "checkpoint 3" }.ToJson());

        Assert.Equal("TLTESTOUTPUT", Assert.Single(_engine.LiveMessages).ExtendedType);
    }

    [Fact]
    public void A_diagnostic_without_a_place_is_the_projects()
    {
        Forwarder(live: true, terminal: true).Forward(new HostLine("diagnostic") { Code = "FT0003", Severity = "error", Message = "No base model.", Remedy = "Set BaseModel." }.ToJson());

        Assert.Equal("/projects/legal.finetune", Assert.Single(_engine.Errors).File);
    }

    private EventForwarder Forwarder(bool live, bool terminal) =>
        new(new TaskLoggingHelper(_engine, "RunStage"), _engine, "/projects/legal.finetune", live, terminal, _time);

    private static string Progress(int done, int total) => new HostLine("progress") { Activity = "train", Done = done, Total = total }.ToJson();
}
