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
    private readonly Lazy<IAnsiConsole> _answers;

    public ToolConsole(
        TextReader input, TextWriter output, TextWriter error, bool isInputRedirected = true, bool isErrorRedirected = true, bool isOutputRedirected = true)
    {
        In = input;
        Out = output;
        Error = error;
        IsInputRedirected = isInputRedirected;
        IsOutputRedirected = isOutputRedirected;
        _messages = new(() => Of(error, isErrorRedirected));
        _answers = new(() => Of(output, isOutputRedirected));
    }

    public TextReader In { get; }

    public TextWriter Out { get; }

    public TextWriter Error { get; }

    /// <summary>True where input comes from a pipe or a file: nobody is asked anything.</summary>
    public bool IsInputRedirected { get; }

    private bool IsOutputRedirected { get; }

    /// <summary>Standard error with colours, tables and progress where a person looks at it.</summary>
    public IAnsiConsole Messages => _messages.Value;

    /// <summary>Standard output with colours where a person looks at it; other answers go straight to <see cref="Out"/>.</summary>
    public IAnsiConsole Answers => _answers.Value;

    /// <summary>True where answers can be coloured: at a terminal, unless NO_COLOR is set.</summary>
    public bool HasColours => Answers.Profile.Capabilities is { Ansi: true, ColorSystem: not ColorSystem.NoColors };

    /// <summary>Columns of the terminal that answers go to; null where they go to a pipe or a file.</summary>
    public int? TerminalWidth => IsOutputRedirected ? null : Answers.Profile.Width;

    /// <summary>The streams of this process, UTF-8 without a mark.</summary>
    public static ToolConsole Standard()
    {
        TextReader input = Console.IsInputRedirected ? new StreamReader(Console.OpenStandardInput(), Utf8) : Console.In;
        return new ToolConsole(
            input,
            new StreamWriter(Console.OpenStandardOutput(), Utf8) { AutoFlush = true },
            new StreamWriter(Console.OpenStandardError(), Utf8) { AutoFlush = true },
            Console.IsInputRedirected,
            Console.IsErrorRedirected,
            Console.IsOutputRedirected);
    }

    /// <summary>Prints a diagnostic in its canonical line, which editors and build logs turn into a link.</summary>
    public void Report(Diagnostic diagnostic) => Error.WriteLine(diagnostic.ToString());

    private static IAnsiConsole Of(TextWriter writer, bool isRedirected) => AnsiConsole.Create(new AnsiConsoleSettings
    {
        Out = new AnsiConsoleOutput(writer),
        Ansi = isRedirected ? AnsiSupport.No : AnsiSupport.Detect,
        ColorSystem = isRedirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
        Interactive = isRedirected ? InteractionSupport.No : InteractionSupport.Detect,
    });
}
