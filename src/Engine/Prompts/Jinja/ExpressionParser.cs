namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>
/// Operators by recursive descent, loosest first: inline if, or, and, not, comparisons, + and −, ~, * / // %, **, unary; what they work on is
/// read by <see cref="OperandParser"/>. ** binds to the left and ~ tighter than +, as in the reference.
/// </summary>
internal sealed class ExpressionParser
{
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    private readonly TokenStream _tokens;
    private readonly OperandParser _operands;

    public ExpressionParser(TokenStream tokens) => (_tokens, _operands) = (tokens, new OperandParser(tokens, this));

    /// <summary>Every name that was read so far, in order: a macro asks which of its special names its body mentions.</summary>
    public IReadOnlyList<string> NamesRead => _operands.NamesRead;

    /// <inheritdoc cref="OperandParser.Filters"/>
    public FilterExpression? Filters(Expression? value, bool started) => _operands.Filters(value, started);

    public Expression Expression() => _tokens.Nested(Condition);

    /// <summary>An expression, or several with commas between them.</summary>
    /// <param name="conditions">Whether an inline if may stand here; not after "in" of a for or in the head of an if.</param>
    /// <param name="inParentheses">Nothing at all is then the empty tuple.</param>
    public Expression Tuple(bool conditions = true, bool inParentheses = false, string? endsAtName = null)
    {
        List<Expression> items = [];
        bool comma = false;
        while (!AtTupleEnd(endsAtName))
        {
            items.Add(conditions ? Expression() : _tokens.Nested(Or));
            comma = _tokens.SkipOperator(",");
            if (!comma)
            {
                break;
            }
        }

        if (items.Count == 1 && !comma)
        {
            return items[0];
        }

        return items.Count > 0 || inParentheses ? new TupleExpression(items)
            : throw _tokens.Error($"Expected an expression, got '{_tokens.Current}'");
    }

    private bool AtTupleEnd(string? name) =>
        _tokens.Current.Kind is JinjaTokenKind.VariableEnd or JinjaTokenKind.BlockEnd || _tokens.Current.IsOperator(")")
        || (name is not null && _tokens.Current.IsName(name));

    private Expression Condition()
    {
        Expression value = Or();
        while (_tokens.SkipName("if"))
        {
            Expression condition = Or();
            value = new ConditionExpression(condition, value, _tokens.SkipName("else") ? _tokens.Nested(Condition) : null);
        }

        return value;
    }

    private Expression Or()
    {
        Expression left = And();
        while (_tokens.SkipName("or"))
        {
            left = new LogicExpression(IsAnd: false, left, And());
        }

        return left;
    }

    private Expression And()
    {
        Expression left = Not();
        while (_tokens.SkipName("and"))
        {
            left = new LogicExpression(IsAnd: true, left, Not());
        }

        return left;
    }

    private Expression Not() => _tokens.SkipName("not") ? new UnaryExpression("not", _tokens.Nested(Not)) : Compare();

    private Expression Compare()
    {
        Expression first = Sum();
        List<(string, Expression)> rest = [];
        while (true)
        {
            if (_tokens.Current.Kind == JinjaTokenKind.Operator && Comparisons.Contains(_tokens.Current.Text))
            {
                rest.Add((_tokens.Next().Text, Sum()));
            }
            else if (_tokens.SkipName("in"))
            {
                rest.Add(("in", Sum()));
            }
            else if (_tokens.Current.IsName("not") && _tokens.Ahead.IsName("in"))
            {
                _tokens.Next();
                _tokens.Next();
                rest.Add(("not in", Sum()));
            }
            else
            {
                return rest.Count == 0 ? first : new CompareExpression(first, rest);
            }
        }
    }

    private Expression Sum() => LeftToRight(Concat, "+", "-");

    private Expression Concat()
    {
        List<Expression> parts = [Product()];
        while (_tokens.SkipOperator("~"))
        {
            parts.Add(Product());
        }

        return parts.Count == 1 ? parts[0] : new ConcatExpression(parts);
    }

    private Expression Product() => LeftToRight(Power, "*", "/", "//", "%");

    private Expression Power() => LeftToRight(() => Unary(), "**");

    private Expression LeftToRight(Func<Expression> operand, params string[] operators)
    {
        Expression left = operand();
        while (_tokens.Current.Kind == JinjaTokenKind.Operator && operators.Contains(_tokens.Current.Text))
        {
            left = new BinaryExpression(_tokens.Next().Text, left, operand());
        }

        return left;
    }

    private Expression Unary(bool filters = true)
    {
        Expression value =
            _tokens.SkipOperator("-") ? new UnaryExpression("-", _tokens.Nested(() => Unary(filters: false))) :
            _tokens.SkipOperator("+") ? new UnaryExpression("+", _tokens.Nested(() => Unary(filters: false))) :
            _operands.Primary();
        value = _operands.Postfix(value);
        return filters ? _operands.FiltersAndTests(value) : value;
    }
}
