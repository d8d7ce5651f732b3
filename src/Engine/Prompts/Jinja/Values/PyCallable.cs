namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>Something that a template can call.</summary>
internal abstract class PyCallable
{
    public abstract string TypeName { get; }

    /// <summary>What printing it shows.</summary>
    public virtual string Description => $"<{TypeName} object>";

    public abstract object? Call(Arguments arguments);
}

/// <summary>A function of the environment: range, dict, raise_exception …</summary>
internal sealed class PyFunction(string name, Func<Arguments, object?> body) : PyCallable
{
    public override string TypeName => "function";

    public override string Description => $"<function {name}>";

    public override object? Call(Arguments arguments) => body(arguments);
}

/// <summary>A method with its object: text.split.</summary>
internal sealed class BoundMethod(object target, string name, Func<Arguments, object?> body) : PyCallable
{
    public override string TypeName => "builtin_function_or_method";

    public override string Description => $"<built-in method {name} of {PyTypes.Name(target)} object>";

    public override object? Call(Arguments arguments) => body(arguments);
}
