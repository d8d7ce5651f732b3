using System.CommandLine;
using System.CommandLine.Invocation;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Tool.Commands;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool;

/// <summary>Reads the command line, runs one verb, and turns what happened into an exit code.</summary>
internal static class ToolHost
{
    public static int Run(string[] args, ToolConsole console, CancellationToken cancellation) => Run(args, console, CommandList.All, cancellation);

    public static int Run(string[] args, ToolConsole console, IReadOnlyList<Verb> verbs, CancellationToken cancellation)
    {
        var root = new RootCommand("Fine-tunes, evaluates, merges, exports and talks to language models, without Python.");
        foreach (Verb verb in verbs)
        {
            verb.SetAction((parse, token) => Task.FromResult(Guarded(verb, parse, console, token)));
            root.Subcommands.Add(verb);
        }

        ParseResult parsed = root.Parse(args);
        if (parsed.Action is ParseErrorAction or null)
        {
            foreach (string error in parsed.Errors.Select(error => error.Message).DefaultIfEmpty("A verb is needed.").Distinct())
            {
                console.Error.WriteLine(error);
            }

            string verb = parsed.CommandResult.Command is Verb named ? $"finetune {named.Name}" : "finetune";
            console.Error.WriteLine($"Run '{verb} --help' for what it takes.");
            return ExitCodes.WrongUsage;
        }

        // Interruptions arrive through the token, so that every verb can end its work in its own way.
        var invocation = new InvocationConfiguration
        {
            Output = console.Out,
            Error = console.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        return parsed.InvokeAsync(invocation, cancellation).GetAwaiter().GetResult();
    }

    private static int Guarded(Verb verb, ParseResult parsed, ToolConsole console, CancellationToken cancellation)
    {
        try
        {
            return verb.Run(parsed, console, cancellation);
        }
        catch (FineTuneException exception)
        {
            console.Report(exception.Diagnostic);
            Trace(exception, console);
            return exception.Diagnostic.Severity == Severity.Error ? ExitCodes.Failed : ExitCodes.Done;
        }
        catch (OperationCanceledException)
        {
            console.Error.WriteLine("Stopped.");
            return ExitCodes.Stopped;
        }
        catch (Exception exception)
        {
            console.Report(new Diagnostic(
                Codes.Internal,
                $"finetune {verb.Name} met something that it does not handle: {exception.GetType().Name}: {exception.Message.ReplaceLineEndings(" ")}",
                "Run it again with the environment variable FINETUNE_TRACE=1 and report the trace together with the command line."));
            Trace(exception, console);
            return ExitCodes.Failed;
        }
    }

    private static void Trace(Exception exception, ToolConsole console)
    {
        if (Environment.GetEnvironmentVariable("FINETUNE_TRACE") == "1")
        {
            console.Error.WriteLine(exception);
        }
    }
}
