namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>
/// Expressions by recursive descent, loosest first: inline if, or, and, not, comparisons, + and −, ~, * / // %, **, unary, filters
/// and tests, postfix. ** binds to the left and ~ tighter than +, as in the reference.
/// </summary>
internal sealed class ExpressionParser(TokenStream tokens)
{
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    /// <summary>Every name that was read so far, in order: a macro asks which of its special names its body mentions.</summary>
    public List<string> NamesRead { get; } = [];

    public Expression Expression() => tokens.Nested(Condition);

    /// <summary>An expression, or several with commas between them.</summary>
    /// <param name="conditions">Whether an inline if may stand here; not after "in" of a for or in the head of an if.</param>
    /// <param name="inParentheses">Nothing at all is then the empty tuple.</param>
    public Expression Tuple(bool conditions = true, bool inParentheses = false, string? endsAtName = null)
    {
        List<Expression> items = [];
        bool comma = false;
        while (!AtTupleEnd(endsAtName))
        {
            items.Add(conditions ? Expression() : tokens.Nested(Or));
            comma = tokens.SkipOperator(",");
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
            : throw tokens.Error($"Expected an expression, got '{tokens.Current}'");
    }

    /// <summary>A chain of filters without a value: <c>upper|trim</c>, applied to a body.</summary>
    /// <param name="started">The first name follows without a bar.</param>
    public FilterExpression? Filters(Expression? value, bool started)
    {
        while (started || tokens.SkipOperator("|"))
        {
            started = false;
            value = new FilterExpression(value, DottedName(), tokens.Current.IsOperator("(") ? Arguments() : []);
        }

        return (FilterExpression?)value;
    }

    public Expression Postfix(Expression value)
    {
        while (true)
        {
            if (tokens.Current.IsOperator(".") || tokens.Current.IsOperator("["))
            {
                value = Subscript(value);
            }
            else if (tokens.Current.IsOperator("("))
            {
                value = new CallExpression(value, Arguments());
            }
            else
            {
                return value;
            }
        }
    }

    private bool AtTupleEnd(string? name) =>
        tokens.Current.Kind is JinjaTokenKind.VariableEnd or JinjaTokenKind.BlockEnd || tokens.Current.IsOperator(")")
        || (name is not null && tokens.Current.IsName(name));

    private Expression Condition()
    {
        Expression value = Or();
        while (tokens.SkipName("if"))
        {
            Expression condition = Or();
            value = new ConditionExpression(condition, value, tokens.SkipName("else") ? tokens.Nested(Condition) : null);
        }

        return value;
    }

    private Expression Or()
    {
        Expression left = And();
        while (tokens.SkipName("or"))
        {
            left = new LogicExpression(IsAnd: false, left, And());
        }

        return left;
    }

    private Expression And()
    {
        Expression left = Not();
        while (tokens.SkipName("and"))
        {
            left = new LogicExpression(IsAnd: true, left, Not());
        }

        return left;
    }

    private Expression Not() => tokens.SkipName("not") ? new UnaryExpression("not", tokens.Nested(Not)) : Compare();

    private Expression Compare()
    {
        Expression first = Sum();
        List<(string, Expression)> rest = [];
        while (true)
        {
            if (tokens.Current.Kind == JinjaTokenKind.Operator && Comparisons.Contains(tokens.Current.Text))
            {
                rest.Add((tokens.Next().Text, Sum()));
            }
            else if (tokens.SkipName("in"))
            {
                rest.Add(("in", Sum()));
            }
            else if (tokens.Current.IsName("not") && tokens.Ahead.IsName("in"))
            {
                tokens.Next();
                tokens.Next();
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
        while (tokens.SkipOperator("~"))
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
        while (tokens.Current.Kind == JinjaTokenKind.Operator && operators.Contains(tokens.Current.Text))
        {
            left = new BinaryExpression(tokens.Next().Text, left, operand());
        }

        return left;
    }

    private Expression Unary(bool filters = true)
    {
        Expression value =
            tokens.SkipOperator("-") ? new UnaryExpression("-", tokens.Nested(() => Unary(filters: false))) :
            tokens.SkipOperator("+") ? new UnaryExpression("+", tokens.Nested(() => Unary(filters: false))) :
            Primary();
        value = Postfix(value);
        return filters ? FiltersAndTests(value) : value;
    }

    private Expression FiltersAndTests(Expression value)
    {
        while (true)
        {
            if (tokens.Current.IsOperator("|"))
            {
                value = Filters(value, started: false)!;
            }
            else if (tokens.SkipName("is"))
            {
                value = Test(value);
            }
            else if (tokens.Current.IsOperator("("))
            {
                value = new CallExpression(value, Arguments());
            }
            else
            {
                return value;
            }
        }
    }

    private Expression Test(Expression value)
    {
        bool negated = tokens.SkipName("not");
        string name = DottedName();
        IReadOnlyList<ArgumentExpression> arguments = [];
        JinjaToken next = tokens.Current;
        if (next.IsOperator("("))
        {
            arguments = Arguments();
        }
        else if (next.Kind is JinjaTokenKind.String or JinjaTokenKind.Integer or JinjaTokenKind.Float || next.IsOperator("[") || next.IsOperator("{")
            || (next.Kind == JinjaTokenKind.Name && next.Text is not ("else" or "or" or "and")))
        {
            if (next.IsName("is"))
            {
                throw tokens.Error("You cannot chain multiple tests with is");
            }

            arguments = [new ArgumentExpression(Postfix(Primary()))];
        }

        var test = new TestExpression(value, name, arguments);
        return negated ? new UnaryExpression("not", test) : test;
    }

    private Expression Primary()
    {
        JinjaToken token = tokens.Next();
        switch (token.Kind)
        {
            case JinjaTokenKind.Name:
                return NameOrConstant(token.Text);
            case JinjaTokenKind.String:
                string text = token.Text;
                while (tokens.Current.Kind == JinjaTokenKind.String)
                {
                    text += tokens.Next().Text;
                }

                return new Constant(text);
            case JinjaTokenKind.Integer:
                return new Constant(NumberLiteral.Integer(token.Text));
            case JinjaTokenKind.Float:
                return new Constant(NumberLiteral.Float(token.Text));
            case JinjaTokenKind.Operator when token.Text == "(":
                Expression inside = tokens.Nested(() => Tuple(inParentheses: true));
                tokens.ExpectOperator(")");
                return inside;
            case JinjaTokenKind.Operator when token.Text == "[":
                return new ListExpression(Items("]", Expression));
            case JinjaTokenKind.Operator when token.Text == "{":
                return new DictExpression(Items("}", () =>
                {
                    Expression key = Expression();
                    tokens.ExpectOperator(":");
                    return (key, Expression());
                }));
            default:
                throw new JinjaError(JinjaErrorKind.Syntax, $"unexpected '{token}'", token.Line);
        }
    }

    private Expression NameOrConstant(string name)
    {
        switch (name)
        {
            case "true" or "True": return new Constant(true);
            case "false" or "False": return new Constant(false);
            case "none" or "None": return new Constant(null);
            default:
                NamesRead.Add(name);
                return new NameExpression(name);
        }
    }

    private List<T> Items<T>(string end, Func<T> item)
    {
        List<T> items = [];
        while (!tokens.Current.IsOperator(end))
        {
            if (items.Count > 0)
            {
                tokens.ExpectOperator(",");
                if (tokens.Current.IsOperator(end))
                {
                    break;
                }
            }

            items.Add(item());
        }

        tokens.ExpectOperator(end);
        return items;
    }

    private Expression Subscript(Expression target)
    {
        if (tokens.SkipOperator("."))
        {
            JinjaToken token = tokens.Next();
            return token.Kind switch
            {
                JinjaTokenKind.Name => new AttributeExpression(target, token.Text),
                JinjaTokenKind.Integer => new ItemExpression(target, new Constant(NumberLiteral.Integer(token.Text))),
                _ => throw new JinjaError(JinjaErrorKind.Syntax, "expected name or number", token.Line),
            };
        }

        tokens.ExpectOperator("[");
        List<Expression> indices = Items("]", IndexOrSlice);
        return indices.Count switch
        {
            0 => throw tokens.Error("expected an index"),
            1 => new ItemExpression(target, indices[0]),
            _ => new ItemExpression(target, new TupleExpression(indices)),
        };
    }

    private Expression IndexOrSlice()
    {
        Expression?[] parts = new Expression?[3];
        int part = 0;
        while (true)
        {
            if (tokens.SkipOperator(":"))
            {
                if (++part > 2)
                {
                    throw tokens.Error("a slice has three parts at most");
                }
            }
            else if (tokens.Current.IsOperator("]") || tokens.Current.IsOperator(",") || parts[part] is not null)
            {
                break;
            }
            else
            {
                parts[part] = Expression();
            }
        }

        return part > 0 ? new SliceExpression(parts[0], parts[1], parts[2])
            : parts[0] ?? throw tokens.Error($"unexpected '{tokens.Current}'");
    }

    private List<ArgumentExpression> Arguments()
    {
        tokens.ExpectOperator("(");
        return Items(")", () =>
        {
            if (tokens.SkipOperator("**"))
            {
                return new ArgumentExpression(Expression(), Stars: 2);
            }

            if (tokens.SkipOperator("*"))
            {
                return new ArgumentExpression(Expression(), Stars: 1);
            }

            if (tokens.Current.Kind == JinjaTokenKind.Name && tokens.Ahead.IsOperator("="))
            {
                string name = tokens.Next().Text;
                tokens.Next();
                return new ArgumentExpression(Expression(), name);
            }

            return new ArgumentExpression(Expression());
        });
    }

    private string DottedName()
    {
        string name = tokens.Expect(JinjaTokenKind.Name, "name").Text;
        while (tokens.SkipOperator("."))
        {
            name += "." + tokens.Expect(JinjaTokenKind.Name, "name").Text;
        }

        return name;
    }
}
