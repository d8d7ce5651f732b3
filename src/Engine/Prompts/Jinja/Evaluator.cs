using FineTuneTool.Engine.Prompts.Jinja.Filters;
using FineTuneTool.Engine.Prompts.Jinja.Values;

namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>Computes expressions.</summary>
internal sealed class Evaluator
{
    public object? Evaluate(Expression expression, Scope scope)
    {
        RenderBudget.Step();
        switch (expression)
        {
            case Constant constant:
                return constant.Value;
            case NameExpression name:
                return scope.Get(name.Name);
            case ListExpression list:
                return list.Items.Select(item => Evaluate(item, scope)).ToList();
            case TupleExpression tuple:
                return new PyTuple([.. tuple.Items.Select(item => Evaluate(item, scope))]);
            case DictExpression dict:
                return new PyDict(dict.Items.Select(item => new KeyValuePair<object?, object?>(Evaluate(item.Key, scope), Evaluate(item.Value, scope))));
            case AttributeExpression attribute:
                return PyAccess.Attribute(Evaluate(attribute.Target, scope), attribute.Name);
            case ItemExpression { Index: SliceExpression slice } item:
                return PyAccess.Slice(Evaluate(item.Target, scope), Part(slice.Start, scope), Part(slice.Stop, scope), Part(slice.Step, scope));
            case ItemExpression item:
                return PyAccess.Item(Evaluate(item.Target, scope), Evaluate(item.Index, scope));
            case CallExpression call:
                return Call(call, scope, caller: null);
            case FilterExpression filter:
                return Filter(filter, scope);
            case TestExpression test:
                return TestTable.Find(test.Name)(Evaluate(test.Value, scope), Arguments(test.Arguments, scope, caller: null));
            case UnaryExpression { Operator: "not" } not:
                return !PyCompare.IsTrue(Evaluate(not.Operand, scope));
            case UnaryExpression unary:
                return PyOperators.Unary(unary.Operator, Evaluate(unary.Operand, scope));
            case BinaryExpression { Operator: "+", Left: BinaryExpression { Operator: "+" } } sum:
                return Sum(sum, scope);
            case BinaryExpression binary:
                return PyOperators.Binary(binary.Operator, Evaluate(binary.Left, scope), Evaluate(binary.Right, scope));
            case LogicExpression logic:
                object? left = Evaluate(logic.Left, scope);
                return PyCompare.IsTrue(left) == logic.IsAnd ? Evaluate(logic.Right, scope) : left;
            case CompareExpression compare:
                return Compare(compare, scope);
            case ConcatExpression concat:
                return PyOperators.Concat([.. concat.Parts.Select(part => Evaluate(part, scope))]);
            case ConditionExpression condition:
                return PyCompare.IsTrue(Evaluate(condition.Condition, scope)) ? Evaluate(condition.Value, scope)
                    : condition.Otherwise is not null ? Evaluate(condition.Otherwise, scope)
                    : new Undefined("the inline if-expression evaluated to false and no else section was defined.");
            default:
                throw new JinjaError(JinjaErrorKind.Syntax, "a slice cannot stand here");
        }
    }

    /// <param name="caller">The body of a call block, which the macro may call.</param>
    public object? Call(CallExpression call, Scope scope, Macro? caller)
    {
        object? target = Evaluate(call.Target, scope);
        Arguments arguments = Arguments(call.Arguments, scope, caller);
        return target switch
        {
            PyCallable callable => callable.Call(arguments),
            Undefined undefined => throw undefined.Error,
            _ => throw JinjaError.Type($"'{PyTypes.Name(target)}' object is not callable"),
        };
    }

    /// <summary>A chain of filters whose innermost value is a body that was rendered before.</summary>
    public object? Filter(FilterExpression filter, object? body, Scope scope) =>
        Apply(filter, filter.Value is FilterExpression inner ? Filter(inner, body, scope) : body, scope);

    private object? Filter(FilterExpression filter, Scope scope) => Apply(filter, Evaluate(filter.Value!, scope), scope);

    private object? Apply(FilterExpression filter, object? value, Scope scope) =>
        FilterTable.Find(filter.Name)(value, Arguments(filter.Arguments, scope, caller: null));

    private bool Compare(CompareExpression compare, Scope scope)
    {
        object? left = Evaluate(compare.First, scope);
        foreach ((string op, Expression expression) in compare.Rest)
        {
            object? right = Evaluate(expression, scope);
            if (!PyCompare.Holds(op, left, right))
            {
                return false;
            }

            left = right;
        }

        return true;
    }

    /// <summary>a + b + c, from left to right. Texts are joined once, not piece by piece: messages stand in such sums.</summary>
    private object? Sum(BinaryExpression sum, Scope scope)
    {
        var operands = new Stack<Expression>();
        Expression first = sum;
        for (; first is BinaryExpression { Operator: "+" } inner; first = inner.Left)
        {
            operands.Push(inner.Right);
        }

        object? value = Evaluate(first, scope);
        var texts = new List<object?>();
        foreach (Expression operand in operands)
        {
            object? next = Evaluate(operand, scope);
            if (value is string && next is string)
            {
                texts.Add(value);
                value = next;
                continue;
            }

            value = PyOperators.Binary("+", Joined(texts, value), next);
            texts.Clear();
        }

        return Joined(texts, value);
    }

    private static object? Joined(List<object?> texts, object? last) => texts.Count == 0 ? last : PyOperators.Concat([.. texts, last]);

    private object? Part(Expression? part, Scope scope) => part is null ? null : Evaluate(part, scope);

    private Arguments Arguments(IReadOnlyList<ArgumentExpression> expressions, Scope scope, Macro? caller)
    {
        List<object?> positional = [];
        List<KeyValuePair<string, object?>> named = [];
        foreach ((Expression expression, string? name, int stars) in expressions)
        {
            object? value = Evaluate(expression, scope);
            if (name is not null)
            {
                named.Add(new(name, value));
            }
            else if (stars == 0)
            {
                positional.Add(value);
            }
            else if (stars == 1)
            {
                positional.AddRange(PyIteration.List(value));
            }
            else
            {
                IEnumerable<KeyValuePair<object?, object?>> items = value is PyDict dict ? dict.Items : throw JinjaError.Type("argument after ** must be a mapping");
                named.AddRange(items.Select(item => new KeyValuePair<string, object?>(Values.Arguments.Text(item.Key), item.Value)));
            }
        }

        if (caller is not null)
        {
            named.Add(new("caller", caller));
        }

        return named.DistinctBy(item => item.Key).Count() == named.Count ? new Arguments(positional, named)
            : throw JinjaError.Type("got multiple values for a keyword argument");
    }
}
