using Microsoft.Build.Framework;

namespace FineTuneTool.Tasks;

/// <summary>
/// Messages that the terminal logger shows while a project builds: it has no progress of its own, but shows those of test runners live.
/// Every other logger takes them for ordinary messages. Source: the event types TLTESTPASSED and TLTESTOUTPUT of dotnet/msbuild's TerminalLogger.
/// </summary>
internal static class LiveMessages
{
    /// <summary>A line that the next one replaces: <c>project left right (12.3s)</c>.</summary>
    public static BuildMessageEventArgs Progress(string text, string left, string right) =>
        new ExtendedBuildMessageEventArgs("TLTESTPASSED", text, null, nameof(RunStage), MessageImportance.High)
        {
            ExtendedMetadata = new Dictionary<string, string?> { ["localizedResult"] = left, ["displayName"] = right },
        };

    /// <summary>A line that stays.</summary>
    public static BuildMessageEventArgs Line(string text) =>
        new ExtendedBuildMessageEventArgs("TLTESTOUTPUT", text, null, nameof(RunStage), MessageImportance.High);
}
