using System.Diagnostics;
using FineTuneTool.Engine.Generation;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>Asks a session and prints its answers as they come, or as JSON when they are complete.</summary>
internal sealed class ChatAnswers(ToolConsole console, bool json)
{
    public void Ask(ChatSession session, string message, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        GenerationResult answer = session.Ask(message, json ? null : console.Out.Write, SayDropped, cancellation);
        if (json)
        {
            double perSecond = answer.Ids.Count / Math.Max(watch.Elapsed.TotalSeconds, 1e-9);
            console.WriteJson(new { answer.Text, Tokens = answer.Ids.Count, TokensPerSecond = Math.Round(perSecond, 2), answer.StopReason });
        }
        else
        {
            console.Out.WriteLine();
        }
    }

    /// <summary>Shows a question that nobody typed, among the answers.</summary>
    public void ShowQuestion(string question)
    {
        if (!json)
        {
            console.Out.WriteLine($"> {question}");
        }
    }

    private void SayDropped(int turns) =>
        console.Error.WriteLine($"(The context is full: the {turns} oldest messages are forgotten.)");
}
