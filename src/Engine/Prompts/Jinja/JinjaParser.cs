namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>Statements of a template; <see cref="ExpressionParser"/> reads what stands inside them.</summary>
internal sealed class JinjaParser
{
    private readonly TokenStream _tokens;
    private readonly ExpressionParser _expressions;

    private JinjaParser(string template, bool trim)
    {
        _tokens = new TokenStream(JinjaLexer.Tokenize(template, trim));
        _expressions = new ExpressionParser(_tokens);
    }

    /// <param name="trim">As <see cref="JinjaLexer.Tokenize"/>.</param>
    /// <exception cref="JinjaError">The template has a syntax error.</exception>
    public static IReadOnlyList<Statement> Parse(string template, bool trim) => new JinjaParser(template, trim).Body([], out _);

    /// <summary>Statements up to one of the end tags, whose name is taken; without end tags up to the end of the template.</summary>
    private List<Statement> Body(string[] endTags, out string endTag)
    {
        List<Statement> body = [];
        while (true)
        {
            JinjaToken token = _tokens.Next();
            switch (token.Kind)
            {
                case JinjaTokenKind.Data:
                    body.Add(new TextStatement(token.Text, token.Line));
                    break;
                case JinjaTokenKind.VariableBegin:
                    body.Add(new PrintStatement(_expressions.Tuple(), token.Line));
                    _tokens.Expect(JinjaTokenKind.VariableEnd, "end of print statement");
                    break;
                case JinjaTokenKind.BlockBegin:
                    if (_tokens.Current.Kind != JinjaTokenKind.Name)
                    {
                        throw _tokens.Error("tag name expected");
                    }

                    string name = _tokens.Next().Text;
                    if (endTags.Contains(name))
                    {
                        endTag = name;
                        return body;
                    }

                    body.Add(_tokens.Nested(() => Tag(name, token.Line)));
                    break;
                case JinjaTokenKind.End when endTags.Length == 0:
                    endTag = "";
                    return body;
                default:
                    throw new JinjaError(JinjaErrorKind.Syntax, $"Unexpected end of template; the tag '{string.Join("' or '", endTags)}' is missing.", token.Line);
            }
        }
    }

    private Statement Tag(string name, int line)
    {
        Statement statement = name switch
        {
            "if" => If(line),
            "for" => For(line),
            "set" => Set(line),
            "print" => new PrintStatement(_expressions.Tuple(), line),
            "macro" => Macro(line),
            "call" => Call(line),
            "filter" => new FilterStatement(_expressions.Filters(null, started: true)!, BlockTo("endfilter"), line),
            "with" => With(line),
            "generation" => new GenerationStatement(BlockTo("endgeneration"), line),
            "block" => Block(line),
            "autoescape" => Autoescape(line),
            "break" => new BreakStatement(line),
            "continue" => new ContinueStatement(line),
            "include" or "import" or "from" or "extends" => Load(line),
            _ => throw new JinjaError(JinjaErrorKind.Syntax, $"Encountered unknown tag '{name}'.", line),
        };
        _tokens.ExpectBlockEnd();
        return statement;
    }

    /// <summary>The rest of an opening tag, the body and the name of its end tag.</summary>
    private List<Statement> BlockTo(string endTag)
    {
        _tokens.ExpectBlockEnd();
        return Body([endTag], out _);
    }

    private IfStatement If(int line)
    {
        List<(Expression, IReadOnlyList<Statement>)> branches = [];
        string endTag;
        do
        {
            Expression condition = _expressions.Tuple(conditions: false);
            _tokens.ExpectBlockEnd();
            branches.Add((condition, Body(["elif", "else", "endif"], out endTag)));
        }
        while (endTag == "elif");
        return new IfStatement(branches, endTag == "else" ? BlockTo("endif") : [], line);
    }

    private ForStatement For(int line)
    {
        AssignTarget target = Targets(until: "in");
        _tokens.ExpectName("in");
        Expression items = _expressions.Tuple(conditions: false, endsAtName: "recursive");
        Expression? filter = _tokens.SkipName("if") ? _expressions.Expression() : null;
        bool recursive = _tokens.SkipName("recursive");
        _tokens.ExpectBlockEnd();
        List<Statement> body = Body(["else", "endfor"], out string endTag);
        return new ForStatement(target, items, filter, recursive, body, endTag == "else" ? BlockTo("endfor") : [], line);
    }

    private Statement Set(int line)
    {
        AssignTarget target = Targets(until: "=", namespaces: true);
        if (_tokens.SkipOperator("="))
        {
            return new SetStatement(target, _expressions.Tuple(), line);
        }

        FilterExpression? filter = _expressions.Filters(null, started: false);
        return new SetBlockStatement(target, filter, BlockTo("endset"), line);
    }

    private MacroStatement Macro(int line)
    {
        string name = _tokens.Expect(JinjaTokenKind.Name, "name").Text;
        return MacroBody(name, ParseSignature(), "endmacro", line);
    }

    private MacroStatement MacroBody(string name, Signature signature, string endTag, int line)
    {
        int before = _expressions.NamesRead.Count;
        List<Statement> body = BlockTo(endTag);
        HashSet<string> names = [.. _expressions.NamesRead.Skip(before)];
        return new MacroStatement(name, signature, body, names.Contains("varargs"), names.Contains("kwargs"), names.Contains("caller"), line);
    }

    private CallStatement Call(int line)
    {
        Signature signature = _tokens.Current.IsOperator("(") ? ParseSignature() : new Signature([]);
        return _expressions.Expression() is CallExpression call
            ? new CallStatement(call, MacroBody("caller", signature, "endcall", line), line)
            : throw _tokens.Error("expected call");
    }

    private WithStatement With(int line)
    {
        List<(AssignTarget, Expression)> assignments = [];
        while (_tokens.Current.Kind != JinjaTokenKind.BlockEnd)
        {
            if (assignments.Count > 0)
            {
                _tokens.ExpectOperator(",");
            }

            AssignTarget target = Target(namespaces: false);
            _tokens.ExpectOperator("=");
            assignments.Add((target, _expressions.Expression()));
        }

        return new WithStatement(assignments, BlockTo("endwith"), line);
    }

    private BlockStatement Block(int line)
    {
        _tokens.Expect(JinjaTokenKind.Name, "name");
        _ = _tokens.SkipName("scoped") || _tokens.SkipName("required");
        List<Statement> body = BlockTo("endblock");
        if (_tokens.Current.Kind == JinjaTokenKind.Name)
        {
            _tokens.Next();
        }

        return new BlockStatement(body, line);
    }

    /// <summary>Nothing is ever escaped here; the tag is read so that templates that turn escaping off still work.</summary>
    private BlockStatement Autoescape(int line)
    {
        _expressions.Expression();
        return new BlockStatement(BlockTo("endautoescape"), line);
    }

    private LoadStatement Load(int line)
    {
        while (_tokens.Current.Kind is not (JinjaTokenKind.BlockEnd or JinjaTokenKind.End))
        {
            _tokens.Next();
        }

        return new LoadStatement(line);
    }

    private Signature ParseSignature()
    {
        _tokens.ExpectOperator("(");
        List<(string, Expression?)> parameters = [];
        while (!_tokens.Current.IsOperator(")"))
        {
            if (parameters.Count > 0)
            {
                _tokens.ExpectOperator(",");
                if (_tokens.Current.IsOperator(")"))
                {
                    break;
                }
            }

            string name = _tokens.Expect(JinjaTokenKind.Name, "name").Text;
            Expression? value = _tokens.SkipOperator("=") ? _expressions.Expression() : null;
            if (value is null && parameters.Count > 0 && parameters[^1].Item2 is not null)
            {
                throw _tokens.Error("non-default argument follows default argument");
            }

            parameters.Add((name, value));
        }

        _tokens.ExpectOperator(")");
        return new Signature(parameters);
    }

    private AssignTarget Targets(string until, bool namespaces = false)
    {
        List<AssignTarget> targets = [];
        bool comma;
        do
        {
            targets.Add(Target(namespaces));
            comma = _tokens.SkipOperator(",");
        }
        while (comma && !_tokens.Current.IsName(until) && !_tokens.Current.IsOperator(until));
        return targets.Count == 1 && !comma ? targets[0] : new TupleTarget(targets);
    }

    private AssignTarget Target(bool namespaces)
    {
        if (_tokens.SkipOperator("("))
        {
            AssignTarget inside = _tokens.Nested(() => Targets(until: ")"));
            _tokens.ExpectOperator(")");
            return inside;
        }

        string name = _tokens.Expect(JinjaTokenKind.Name, "name").Text;
        if (name is "true" or "false" or "none" or "True" or "False" or "None")
        {
            throw _tokens.Error($"can't assign to '{name}'");
        }

        return namespaces && _tokens.SkipOperator(".")
            ? new NamespaceTarget(name, _tokens.Expect(JinjaTokenKind.Name, "name").Text)
            : new NameTarget(name);
    }
}
