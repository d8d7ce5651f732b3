namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>Nodes of expressions. Values: see the folder Values.</summary>
internal abstract record Expression;

internal sealed record Constant(object? Value) : Expression;

internal sealed record NameExpression(string Name) : Expression;

internal sealed record ListExpression(IReadOnlyList<Expression> Items) : Expression;

internal sealed record TupleExpression(IReadOnlyList<Expression> Items) : Expression;

internal sealed record DictExpression(IReadOnlyList<(Expression Key, Expression Value)> Items) : Expression;

/// <summary>a.name</summary>
internal sealed record AttributeExpression(Expression Target, string Name) : Expression;

/// <summary>a[index]</summary>
internal sealed record ItemExpression(Expression Target, Expression Index) : Expression;

/// <summary>start:stop:step inside brackets</summary>
internal sealed record SliceExpression(Expression? Start, Expression? Stop, Expression? Step) : Expression;

/// <summary>One argument: positional, named, *list or **dict.</summary>
internal readonly record struct ArgumentExpression(Expression Value, string? Name = null, int Stars = 0);

internal sealed record CallExpression(Expression Target, IReadOnlyList<ArgumentExpression> Arguments) : Expression;

/// <summary>value|name(arguments); without a value inside filter blocks and block sets, where the body is the value.</summary>
internal sealed record FilterExpression(Expression? Value, string Name, IReadOnlyList<ArgumentExpression> Arguments) : Expression;

internal sealed record TestExpression(Expression Value, string Name, IReadOnlyList<ArgumentExpression> Arguments) : Expression;

internal sealed record UnaryExpression(string Operator, Expression Operand) : Expression;

internal sealed record BinaryExpression(string Operator, Expression Left, Expression Right) : Expression;

/// <summary>and, or: give back an operand.</summary>
internal sealed record LogicExpression(bool IsAnd, Expression Left, Expression Right) : Expression;

/// <summary>a &lt; b &lt; c: every neighbour compared, evaluated once.</summary>
internal sealed record CompareExpression(Expression First, IReadOnlyList<(string Operator, Expression Right)> Rest) : Expression;

/// <summary>a ~ b ~ c</summary>
internal sealed record ConcatExpression(IReadOnlyList<Expression> Parts) : Expression;

/// <summary>value if condition else otherwise</summary>
internal sealed record ConditionExpression(Expression Condition, Expression Value, Expression? Otherwise) : Expression;
