namespace FineTuneTool.Engine.Prompts.Jinja;

internal enum JinjaTokenKind
{
    /// <summary>Text outside tags, white-space control already done.</summary>
    Data,
    VariableBegin,
    VariableEnd,
    BlockBegin,
    BlockEnd,
    Name,
    String,
    Integer,
    Float,
    Operator,
    End,
}

/// <summary>A token; <paramref name="Text"/> is the value of a string literal, else the token as it stands in the source.</summary>
internal readonly record struct JinjaToken(JinjaTokenKind Kind, string Text, int Line)
{
    public bool Is(JinjaTokenKind kind, string text) => Kind == kind && Text == text;

    public bool IsName(string text) => Is(JinjaTokenKind.Name, text);

    public bool IsOperator(string text) => Is(JinjaTokenKind.Operator, text);

    public override string ToString() => Kind switch
    {
        JinjaTokenKind.End => "end of template",
        JinjaTokenKind.VariableEnd => "end of print statement",
        JinjaTokenKind.BlockEnd => "end of statement block",
        JinjaTokenKind.String => "string",
        _ => Text,
    };
}
