using FineTuneTool.Engine.Prompts.Jinja.Values;

namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>Runs the statements of a template; <see cref="Evaluator"/> computes their expressions.</summary>
internal sealed class Interpreter
{
    private readonly Evaluator _evaluator = new();
    private int _depth;

    private enum Flow
    {
        Next,
        Break,
        Continue,
    }

    /// <summary>Prints a whole template.</summary>
    public RenderOutput Render(IReadOnlyList<Statement> template, Scope globals)
    {
        var output = new RenderOutput(isFinal: true);
        Run(template, new Scope(globals), output);
        return output;
    }

    public object? Evaluate(Expression expression, Scope scope) => _evaluator.Evaluate(expression, scope);

    /// <summary>The text of a macro's body; bounds how deep macros and recursive loops call each other.</summary>
    public string RenderMacro(IReadOnlyList<Statement> body, Scope scope)
    {
        if (++_depth > RenderBudget.MaxMacroDepth)
        {
            throw new JinjaError(JinjaErrorKind.Limit, "macros call each other too deeply");
        }

        string text = Capture(body, scope);
        _depth--;
        return text;
    }

    private string Capture(IReadOnlyList<Statement> body, Scope scope)
    {
        var output = new RenderOutput(isFinal: false);
        Run(body, scope, output);
        return output.ToString();
    }

    private Flow Run(IReadOnlyList<Statement> body, Scope scope, RenderOutput output)
    {
        foreach (Statement statement in body)
        {
            try
            {
                RenderBudget.Step();
                Flow flow = Run(statement, scope, output);
                if (flow != Flow.Next)
                {
                    return flow;
                }
            }
            catch (JinjaError error) when (error.Line == 0)
            {
                error.Line = statement.Line;
                throw;
            }
        }

        return Flow.Next;
    }

    private Flow Run(Statement statement, Scope scope, RenderOutput output)
    {
        switch (statement)
        {
            case TextStatement text:
                output.Print(text.Text);
                return Flow.Next;
            case PrintStatement print:
                output.Print(PyText.Str(Evaluate(print.Value, scope)));
                return Flow.Next;
            case IfStatement choice:
                IReadOnlyList<Statement> body = choice.Otherwise;
                foreach ((Expression condition, IReadOnlyList<Statement> branch) in choice.Branches)
                {
                    if (PyCompare.IsTrue(Evaluate(condition, scope)))
                    {
                        body = branch;
                        break;
                    }
                }

                return Run(body, scope, output);
            case ForStatement loop:
                return For(loop, Evaluate(loop.Items, scope), 1, scope, output);
            case SetStatement set:
                Assign(set.Target, Evaluate(set.Value, scope), scope);
                return Flow.Next;
            case SetBlockStatement set:
                string content = Capture(set.Body, new Scope(scope));
                Assign(set.Target, set.Filter is null ? content : _evaluator.Filter(set.Filter, content, scope), scope);
                return Flow.Next;
            case MacroStatement macro:
                scope.Set(macro.Name, new Macro(this, macro, scope));
                return Flow.Next;
            case CallStatement call:
                output.Print(PyText.Str(_evaluator.Call(call.Call, scope, new Macro(this, call.Caller, scope))));
                return Flow.Next;
            case FilterStatement filter:
                output.Print(PyText.Str(_evaluator.Filter(filter.Filter, Capture(filter.Body, new Scope(scope)), scope)));
                return Flow.Next;
            case WithStatement with:
                var inner = new Scope(scope);
                foreach ((AssignTarget target, Expression value) in with.Assignments)
                {
                    Assign(target, Evaluate(value, scope), inner);
                }

                return Run(with.Body, inner, output);
            case BlockStatement block:
                return Run(block.Body, new Scope(scope), output);
            case GenerationStatement generation:
                output.PrintMarked(Capture(generation.Body, new Scope(scope)));
                return Flow.Next;
            case BreakStatement:
                return Flow.Break;
            case ContinueStatement:
                return Flow.Continue;
            default:
                throw JinjaError.Type("no loader for this environment specified");
        }
    }

    private Flow For(ForStatement loop, object? iterable, int depth, Scope scope, RenderOutput output)
    {
        List<object?> items = PyIteration.List(iterable);
        if (loop.Filter is not null)
        {
            items = [.. items.Where(item => PyCompare.IsTrue(Evaluate(loop.Filter, Bind(loop.Target, item, new Scope(scope)))))];
        }

        if (items.Count == 0)
        {
            return Run(loop.Otherwise, new Scope(scope), output);
        }

        var state = new LoopState(items, depth, loop.Recursive ? (inner, innerDepth) => Recurse(loop, inner, innerDepth, scope) : null);
        for (int i = 0; i < items.Count; i++)
        {
            state.Index0 = i;
            var pass = new Scope(scope);
            pass.Set("loop", state);
            if (Run(loop.Body, Bind(loop.Target, items[i], pass), output) == Flow.Break)
            {
                break;
            }
        }

        return Flow.Next;
    }

    private string Recurse(ForStatement loop, object? iterable, int depth, Scope scope)
    {
        if (++_depth > RenderBudget.MaxMacroDepth)
        {
            throw new JinjaError(JinjaErrorKind.Limit, "a loop calls itself too deeply");
        }

        var output = new RenderOutput(isFinal: false);
        For(loop, iterable, depth, scope, output);
        _depth--;
        return output.ToString();
    }

    private Scope Bind(AssignTarget target, object? value, Scope scope)
    {
        Assign(target, value, scope);
        return scope;
    }

    private void Assign(AssignTarget target, object? value, Scope scope)
    {
        switch (target)
        {
            case NameTarget name:
                scope.Set(name.Name, value);
                break;
            case NamespaceTarget attribute:
                if (scope.Get(attribute.Name) is not PyNamespace space)
                {
                    throw new JinjaError(JinjaErrorKind.Runtime, "cannot assign attribute on non-namespace object");
                }

                space.Set(attribute.Attribute, value);
                break;
            case TupleTarget tuple:
                List<object?> items = PyIteration.List(value);
                if (items.Count != tuple.Items.Count)
                {
                    throw JinjaError.Value(items.Count > tuple.Items.Count
                        ? $"too many values to unpack (expected {tuple.Items.Count})"
                        : $"not enough values to unpack (expected {tuple.Items.Count}, got {items.Count})");
                }

                for (int i = 0; i < items.Count; i++)
                {
                    Assign(tuple.Items[i], items[i], scope);
                }

                break;
        }
    }
}
