using FineTuneTool.Engine.Prompts.Jinja.Values;

namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>Names of a block that has names of its own (loop pass, macro, with …); reading looks outward, setting stays inside.</summary>
internal sealed class Scope(Scope? outer)
{
    private readonly Dictionary<string, object?> _names = [];

    public void Set(string name, object? value) => _names[name] = value;

    public object? Get(string name)
    {
        for (Scope? scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope._names.TryGetValue(name, out object? value))
            {
                return value;
            }
        }

        return Undefined.Name(name);
    }

    private Scope? Outer { get; } = outer;
}
