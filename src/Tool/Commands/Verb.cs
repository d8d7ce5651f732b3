using System.CommandLine;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>
/// One verb of the command: the constructor declares arguments and options, <see cref="Run"/> calls the engine and prints.
/// Raise <see cref="Engine.Diagnostics.FineTuneException"/> for what a person can put right; the host prints it.
/// </summary>
internal abstract class Verb(string name, string description) : Command(name, description)
{
    /// <summary>Does the work and returns one of <see cref="ExitCodes"/>.</summary>
    public abstract int Run(ParseResult parsed, ToolConsole console, CancellationToken cancellation);
}
