namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>Why a template stopped, named as Python names the exception of the same cause.</summary>
internal enum JinjaErrorKind
{
    /// <summary>The template cannot be parsed.</summary>
    Syntax,

    /// <summary>The template itself refused the conversation, with raise_exception.</summary>
    Raised,

    Undefined,
    Type,
    Value,
    Security,
    Runtime,

    /// <summary>Too many steps, too deep, too long.</summary>
    Limit,
}

/// <summary>Ends the rendering (or the parsing) of a template; becomes a diagnostic at the border of the folder.</summary>
internal sealed class JinjaError(JinjaErrorKind kind, string message, int line = 0) : Exception(message)
{
    public JinjaErrorKind Kind { get; } = kind;

    /// <summary>Line of the template, from 1; 0 until the statement that failed is known.</summary>
    public int Line { get; set; } = line;

    public static JinjaError Type(string message) => new(JinjaErrorKind.Type, message);

    public static JinjaError Value(string message) => new(JinjaErrorKind.Value, message);

    public static JinjaError Undefined(string message) => new(JinjaErrorKind.Undefined, message);
}
