namespace FineTuneTool.Engine.Diagnostics;

/// <summary>How much a diagnostic weighs: an error fails the stage, a warning does not, a message informs.</summary>
public enum Severity
{
    Message,
    Warning,
    Error,
}

/// <summary>One row of the table of codes. <paramref name="Title"/> heads the page docs/errors/<paramref name="Id"/>.md.</summary>
public sealed record DiagnosticCode(string Id, string Title, Severity Severity = Severity.Error);

/// <summary>
/// A place in a file that a person can open. Lines and columns count from 1; 0 means unknown.
/// </summary>
public readonly record struct SourcePosition(string? File, int Line = 0, int Column = 0)
{
    public static readonly SourcePosition None = new(null);
}

/// <summary>
/// What is wrong, where, and what to do about it. The same object becomes an MSBuild error with a position,
/// an error of the command, or an exception for users of the library.
/// </summary>
public sealed record Diagnostic(DiagnosticCode Code, string Message, string Remedy, SourcePosition Position = default, Severity? OverrideSeverity = null)
{
    public Severity Severity => OverrideSeverity ?? Code.Severity;

    /// <summary>The canonical single line: <c>file(line,column): error FT0001: message remedy</c>.</summary>
    public override string ToString()
    {
        string place = Position.File is null ? "" :
            Position.Line == 0 ? $"{Position.File}: " :
            Position.Column == 0 ? $"{Position.File}({Position.Line}): " :
            $"{Position.File}({Position.Line},{Position.Column}): ";
        string severity = Severity switch { Severity.Error => "error", Severity.Warning => "warning", _ => "message" };
        return $"{place}{severity} {Code.Id}: {Message} {Remedy}".TrimEnd();
    }
}

/// <summary>Raised where work cannot go on; carries the diagnostic that says why.</summary>
public sealed class FineTuneException : Exception
{
    public FineTuneException(Diagnostic diagnostic, Exception? inner = null)
        : base(diagnostic.ToString(), inner) => Diagnostic = diagnostic;

    public FineTuneException(DiagnosticCode code, string message, string remedy, SourcePosition position = default, Exception? inner = null)
        : this(new Diagnostic(code, message, remedy, position), inner)
    {
    }

    public Diagnostic Diagnostic { get; }
}
