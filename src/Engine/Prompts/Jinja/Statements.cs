namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>Nodes of statements; <see cref="Line"/> is where the statement begins.</summary>
internal abstract record Statement(int Line);

internal sealed record TextStatement(string Text, int Line) : Statement(Line);

internal sealed record PrintStatement(Expression Value, int Line) : Statement(Line);

/// <summary>A name, a namespace attribute, or a tuple of targets.</summary>
internal abstract record AssignTarget;

internal sealed record NameTarget(string Name) : AssignTarget;

internal sealed record NamespaceTarget(string Name, string Attribute) : AssignTarget;

internal sealed record TupleTarget(IReadOnlyList<AssignTarget> Items) : AssignTarget;

internal sealed record IfStatement(IReadOnlyList<(Expression Condition, IReadOnlyList<Statement> Body)> Branches, IReadOnlyList<Statement> Otherwise, int Line)
    : Statement(Line);

internal sealed record ForStatement(
    AssignTarget Target,
    Expression Items,
    Expression? Filter,
    bool Recursive,
    IReadOnlyList<Statement> Body,
    IReadOnlyList<Statement> Otherwise,
    int Line) : Statement(Line);

internal sealed record SetStatement(AssignTarget Target, Expression Value, int Line) : Statement(Line);

internal sealed record SetBlockStatement(AssignTarget Target, FilterExpression? Filter, IReadOnlyList<Statement> Body, int Line) : Statement(Line);

/// <summary>Parameters of a macro or of the caller of a call block.</summary>
internal sealed record Signature(IReadOnlyList<(string Name, Expression? Default)> Parameters);

/// <param name="UsesVarargs">The body mentions <c>varargs</c>; otherwise surplus arguments are an error. Likewise kwargs and caller.</param>
internal sealed record MacroStatement(
    string Name,
    Signature Signature,
    IReadOnlyList<Statement> Body,
    bool UsesVarargs,
    bool UsesKwargs,
    bool UsesCaller,
    int Line) : Statement(Line);

internal sealed record CallStatement(CallExpression Call, MacroStatement Caller, int Line) : Statement(Line);

internal sealed record FilterStatement(FilterExpression Filter, IReadOnlyList<Statement> Body, int Line) : Statement(Line);

internal sealed record WithStatement(IReadOnlyList<(AssignTarget Target, Expression Value)> Assignments, IReadOnlyList<Statement> Body, int Line) : Statement(Line);

/// <summary>{% block %}: a scope of its own.</summary>
internal sealed record BlockStatement(IReadOnlyList<Statement> Body, int Line) : Statement(Line);

/// <summary>{% generation %}: what it prints is what the assistant said.</summary>
internal sealed record GenerationStatement(IReadOnlyList<Statement> Body, int Line) : Statement(Line);

/// <summary>{% include %}, {% import %}, {% extends %}: there are no other templates here.</summary>
internal sealed record LoadStatement(int Line) : Statement(Line);

internal sealed record BreakStatement(int Line) : Statement(Line);

internal sealed record ContinueStatement(int Line) : Statement(Line);
