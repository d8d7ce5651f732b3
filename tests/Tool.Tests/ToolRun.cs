using FineTuneTool.Tool.Commands;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Tests;

/// <summary>What one call of the command answered, without a process of its own.</summary>
internal sealed record ToolRun(int ExitCode, string Out, string Error)
{
    public static ToolRun InProcess(params string[] args) => InProcess(CommandList.All, "", args);

    public static ToolRun InProcess(IReadOnlyList<Verb> verbs, string input, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int exitCode = ToolHost.Run(args, new ToolConsole(new StringReader(input), output, error), verbs, CancellationToken.None);
        return new ToolRun(exitCode, output.ToString(), error.ToString());
    }
}
