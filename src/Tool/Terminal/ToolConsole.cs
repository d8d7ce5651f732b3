using System.Text;
using FineTuneTool.Engine.Diagnostics;
using Spectre.Console;

namespace FineTuneTool.Tool.Terminal;

/// <summary>
/// The three streams of the command. Answers go to <see cref="Out"/>; messages, progress and diagnostics to <see cref="Error"/>,
/// so that a script can read the first without the second. Tests pass their own.
/// </summary>
internal sealed class ToolConsole
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    private readonly Lazy<IAnsiConsole> _messages;

    public ToolConsole(TextReader input, TextWriter output, TextWriter error, bool isInputRedirected = true, bool isErrorRedirected = true)
    {
        In = input;
        Out = output;
        Error = error;
        IsInputRedirected = isInputRedirected;
        _messages = new(() => AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(error),
            Ansi = isErrorRedirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = isErrorRedirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = isErrorRedirected ? InteractionSupport.No : InteractionSupport.Detect,
        }));
    }

    public TextReader In { get; }

    public TextWriter Out { get; }

    public TextWriter Error { get; }

    /// <summary>True where input comes from a pipe or a file: nobody is asked anything.</summary>
    public bool IsInputRedirected { get; }

    /// <summary>Standard error with colours, tables and progress where a person looks at it.</summary>
    public IAnsiConsole Messages => _messages.Value;

    /// <summary>The streams of this process, UTF-8 without a mark.</summary>
    public static ToolConsole Standard()
    {
        TextReader input = Console.IsInputRedirected ? new StreamReader(Console.OpenStandardInput(), Utf8) : Console.In;
        return new ToolConsole(
            input,
            new StreamWriter(Console.OpenStandardOutput(), Utf8) { AutoFlush = true },
            new StreamWriter(Console.OpenStandardError(), Utf8) { AutoFlush = true },
            Console.IsInputRedirected,
            Console.IsErrorRedirected);
    }

    /// <summary>Prints a diagnostic in its canonical line, which editors and build logs turn into a link.</summary>
    public void Report(Diagnostic diagnostic) => Error.WriteLine(diagnostic.ToString());
}
