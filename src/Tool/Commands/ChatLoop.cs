using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Generation;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Stages;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>
/// Reads messages line by line until the input ends. A line that begins with a slash is a command. At a terminal Ctrl-C ends the answer, and at the prompt the chat;
/// from a pipe it ends the chat.
/// </summary>
internal sealed class ChatLoop(ToolConsole console, ChatAnswers answers, ChatSession session, LoadedModel model, PromptTemplate template)
{
    private const string NoAdapter = "none";

    private CancellationTokenSource? _answer;

    public void Run(CancellationToken cancellation)
    {
        bool interactive = !console.IsInputRedirected;
        if (interactive)
        {
            console.Error.WriteLine($"{Path.GetFileName(Path.TrimEndingDirectorySeparator(model.Path))}{(ActiveName() is { } name ? $" with {name}" : "")}. /help lists the commands; an empty line or Ctrl-D ends.");
            Console.CancelKeyPress += EndAnswer;
        }

        if (template.IsSingleTurn)
        {
            Say($"The template {template.Name} holds one question and its answer: the model does not see earlier messages.");
        }

        try
        {
            while (ReadLine(interactive) is { } line && (line.Length > 0 || !interactive))
            {
                if (line.StartsWith('/'))
                {
                    if (!Command(line))
                    {
                        break;
                    }
                }
                else if (line.Length > 0)
                {
                    Ask(line, interactive, cancellation);
                }
            }
        }
        finally
        {
            Console.CancelKeyPress -= EndAnswer;
        }
    }

    private string? ReadLine(bool interactive)
    {
        if (interactive)
        {
            console.Error.Write("> ");
        }

        return console.In.ReadLine()?.Trim();
    }

    private void Ask(string message, bool interactive, CancellationToken cancellation)
    {
        if (!interactive)
        {
            answers.Ask(session, message, cancellation);
            return;
        }

        using var answer = new CancellationTokenSource();
        _answer = answer;
        try
        {
            answers.Ask(session, message, answer.Token);
        }
        catch (OperationCanceledException)
        {
            console.Out.WriteLine();
        }
        catch (FineTuneException exception)
        {
            console.Report(exception.Diagnostic);
        }
        finally
        {
            _answer = null;
        }
    }

    private void EndAnswer(object? sender, ConsoleCancelEventArgs press)
    {
        press.Cancel = true;
        if (_answer is { } answer)
        {
            answer.Cancel();
        }
        else
        {
            // The terminal's line is being read, which nothing else can interrupt.
            Environment.Exit(ExitCodes.Stopped);
        }
    }

    /// <summary>Runs a command; false ends the chat.</summary>
    private bool Command(string line)
    {
        string[] parts = line.Split(' ', 2, StringSplitOptions.TrimEntries);
        string argument = parts.Length == 2 ? parts[1] : "";
        switch (parts[0].ToLowerInvariant())
        {
            case "/reset":
                session.Reset();
                Say("The conversation begins anew.");
                break;
            case "/system":
                session.SystemPrompt = argument.Length > 0 ? argument : null;
                Say(argument.Length > 0 ? "The system message is set." : "The system message is removed.");
                break;
            case "/adapter":
                Switch(argument);
                break;
            case "/help":
                Say("/reset  /system TEXT  /adapter NAME  /exit");
                break;
            case "/exit" or "/quit":
                return false;
            default:
                Say($"There is no command {parts[0]}. /reset  /system TEXT  /adapter NAME  /exit");
                break;
        }

        return true;
    }

    private void Switch(string name)
    {
        Adapter? adapter = model.Adapters.FirstOrDefault(known => known.Key == name).Value;
        if (adapter is null && name != NoAdapter)
        {
            string known = string.Join(", ", model.Adapters.Select(known => known.Key).Append(NoAdapter));
            Say($"{(name.Length > 0 ? $"There is no adapter {name}. " : "")}Adapters: {known}. Now: {ActiveName() ?? NoAdapter}.");
            return;
        }

        model.Decoder.ActiveAdapter = adapter;
        session.Forget();
        Say($"Now: {name}. The conversation goes on.");
    }

    private string? ActiveName() => model.Adapters.FirstOrDefault(known => known.Value == model.Decoder.ActiveAdapter).Key;

    private void Say(string text) => console.Error.WriteLine(text);
}
