using System.CommandLine;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Tool.Commands;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Tests;

public class ToolHostTests
{
    [Fact]
    public void A_done_verb_exits_with_0_and_its_output_is_on_standard_output()
    {
        ToolRun run = Run(console => console.Out.WriteLine("answer"));
        Assert.Equal((0, "answer" + Environment.NewLine, ""), (run.ExitCode, run.Out, run.Error));
    }

    [Fact]
    public void An_unknown_verb_is_wrong_usage()
    {
        ToolRun run = ToolRun.InProcess("nonsense");
        Assert.Equal((2, ""), (run.ExitCode, run.Out));
        Assert.Contains("nonsense", run.Error, StringComparison.Ordinal);
        Assert.Contains("finetune --help", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void No_verb_is_wrong_usage()
    {
        Assert.Equal(2, ToolRun.InProcess().ExitCode);
    }

    [Fact]
    public void An_unknown_option_of_a_verb_is_wrong_usage()
    {
        ToolRun run = ToolRun.InProcess([new Probe(_ => { })], "", "probe", "--nonsense");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("finetune probe --help", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_is_done()
    {
        ToolRun run = ToolRun.InProcess([new Probe(_ => { })], "", "--help");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("probe", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_diagnostic_is_one_canonical_line_on_standard_error_and_exits_with_1()
    {
        var diagnostic = new Diagnostic(Codes.BadSetting, "LoraRank is -1.", "Give a number of 1 or more.", new SourcePosition("a.finetune", 3, 5));
        ToolRun run = Run(_ => throw new FineTuneException(diagnostic));
        Assert.Equal((1, "", "a.finetune(3,5): error FT0001: LoraRank is -1. Give a number of 1 or more." + Environment.NewLine), (run.ExitCode, run.Out, run.Error));
    }

    [Fact]
    public void A_stop_by_the_user_exits_with_130()
    {
        Assert.Equal(130, Run(_ => throw new OperationCanceledException()).ExitCode);
    }

    [Fact]
    public void An_unexpected_exception_is_FT9001_in_one_line_that_says_what_to_do()
    {
        ToolRun run = Run(_ => throw new InvalidOperationException("first\nsecond"));
        Assert.Equal(1, run.ExitCode);
        string line = Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("error FT9001:", line, StringComparison.Ordinal);
        Assert.Contains("FINETUNE_TRACE=1", line, StringComparison.Ordinal);
    }

    private static ToolRun Run(Action<ToolConsole> body) => ToolRun.InProcess([new Probe(body)], "", "probe");

    private sealed class Probe(Action<ToolConsole> body) : Verb("probe", "A verb for tests.")
    {
        public override int Run(ParseResult parsed, ToolConsole console, CancellationToken cancellation)
        {
            body(console);
            return ExitCodes.Done;
        }
    }
}
