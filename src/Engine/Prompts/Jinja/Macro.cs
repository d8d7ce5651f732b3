using FineTuneTool.Engine.Prompts.Jinja.Values;

namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>A macro, or the body of a call block, with the names around its definition.</summary>
internal sealed class Macro(Interpreter interpreter, MacroStatement definition, Scope around) : PyCallable, IPyAttributes
{
    public override string TypeName => "jinja2.runtime.Macro";

    public override string Description => $"<Macro '{definition.Name}'>";

    public bool TryGet(string name, out object? value)
    {
        value = name switch
        {
            "name" => definition.Name,
            "arguments" => new PyTuple([.. definition.Signature.Parameters.Select(parameter => parameter.Name)]),
            "catch_varargs" => definition.UsesVarargs,
            "catch_kwargs" => definition.UsesKwargs,
            "caller" => definition.UsesCaller,
            _ => null,
        };
        return value is not null;
    }

    public override object? Call(Arguments arguments)
    {
        var scope = new Scope(around);
        IReadOnlyList<(string Name, Expression? Default)> parameters = definition.Signature.Parameters;
        Dictionary<string, object?> named = arguments.Named.ToDictionary(item => item.Key, item => item.Value);
        for (int i = 0; i < parameters.Count; i++)
        {
            (string name, Expression? otherwise) = parameters[i];
            bool isNamed = named.Remove(name, out object? value);
            if (i < arguments.Positional.Count)
            {
                value = isNamed ? throw JinjaError.Type($"macro '{definition.Name}' got multiple values for argument '{name}'") : arguments.Positional[i];
            }
            else if (!isNamed)
            {
                value = otherwise is null ? new Undefined($"parameter '{name}' was not provided") : interpreter.Evaluate(otherwise, scope);
            }

            scope.Set(name, value);
        }

        Special(scope, arguments, named);
        return interpreter.RenderMacro(definition.Body, scope);
    }

    /// <summary>caller, kwargs and varargs: only where the body mentions them, an error otherwise.</summary>
    private void Special(Scope scope, Arguments arguments, Dictionary<string, object?> named)
    {
        if (definition.UsesCaller)
        {
            scope.Set("caller", named.Remove("caller", out object? caller) ? caller : new Undefined("No caller defined"));
        }

        if (definition.UsesKwargs)
        {
            scope.Set("kwargs", new PyDict(named.Select(item => new KeyValuePair<object?, object?>(item.Key, item.Value))));
        }
        else if (named.Count > 0)
        {
            throw JinjaError.Type(named.ContainsKey("caller")
                ? $"macro '{definition.Name}' was invoked with two values for the special caller argument."
                : $"macro '{definition.Name}' takes no keyword argument '{named.Keys.First()}'");
        }

        int parameters = definition.Signature.Parameters.Count;
        if (definition.UsesVarargs)
        {
            scope.Set("varargs", new PyTuple([.. arguments.Positional.Skip(parameters)]));
        }
        else if (arguments.Positional.Count > parameters)
        {
            throw JinjaError.Type($"macro '{definition.Name}' takes not more than {parameters} argument(s)");
        }
    }
}
