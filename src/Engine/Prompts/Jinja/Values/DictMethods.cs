namespace FineTuneTool.Engine.Prompts.Jinja.Values;

internal static class DictMethods
{
    /// <summary>A method of dict; those that would change it give what raises when used; null for any other name.</summary>
    public static object? Find(PyDict dict, string name) => name switch
    {
        "items" => View(dict, PyViewKind.Items),
        "keys" => View(dict, PyViewKind.Keys),
        "values" => View(dict, PyViewKind.Values),
        "get" => new BoundMethod(dict, name, arguments =>
        {
            object?[] bound = arguments.Bind(name, 1, "key", "default");
            return dict.TryGet(bound[0], out object? value) ? value : Arguments.Or(bound[1], null);
        }),
        "copy" => new BoundMethod(dict, name, _ => new PyDict(dict.Items)),
        "clear" or "pop" or "popitem" or "setdefault" or "update" => Undefined.Unsafe(dict, name),
        _ => null,
    };

    private static BoundMethod View(PyDict dict, PyViewKind kind) =>
        new(dict, kind.ToString().ToLowerInvariant(), arguments =>
        {
            arguments.Bind(kind.ToString().ToLowerInvariant(), 0);
            return new PyView(dict, kind);
        });
}
