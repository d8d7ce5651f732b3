namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>What operators work on: constants, names, brackets, and what follows them: attributes, items, calls, filters, tests.</summary>
internal sealed class OperandParser(TokenStream tokens, ExpressionParser expressions)
{
    public List<string> NamesRead { get; } = [];

    public Expression Primary()
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
                Expression inside = tokens.Nested(() => expressions.Tuple(inParentheses: true));
                tokens.ExpectOperator(")");
                return inside;
            case JinjaTokenKind.Operator when token.Text == "[":
                return new ListExpression(Items("]", expressions.Expression));
            case JinjaTokenKind.Operator when token.Text == "{":
                return new DictExpression(Items("}", () =>
                {
                    Expression key = expressions.Expression();
                    tokens.ExpectOperator(":");
                    return (key, expressions.Expression());
                }));
            default:
                throw new JinjaError(JinjaErrorKind.Syntax, $"unexpected '{token}'", token.Line);
        }
    }

    public Expression FiltersAndTests(Expression value)
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
                parts[part] = expressions.Expression();
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
                return new ArgumentExpression(expressions.Expression(), Stars: 2);
            }

            if (tokens.SkipOperator("*"))
            {
                return new ArgumentExpression(expressions.Expression(), Stars: 1);
            }

            if (tokens.Current.Kind == JinjaTokenKind.Name && tokens.Ahead.IsOperator("="))
            {
                string name = tokens.Next().Text;
                tokens.Next();
                return new ArgumentExpression(expressions.Expression(), name);
            }

            return new ArgumentExpression(expressions.Expression());
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
