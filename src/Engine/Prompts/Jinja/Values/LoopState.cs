using System.Numerics;

namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>The variable loop inside a for block; called, in a recursive loop, it renders the block for other items.</summary>
internal sealed class LoopState(IReadOnlyList<object?> items, int depth, Func<object?, int, string>? recurse) : PyCallable, IPyAttributes
{
    private object? _lastChanged = Arguments.Missing;

    public int Index0 { get; set; }

    public int Length => items.Count;

    public override string TypeName => "jinja2.runtime.LoopContext";

    public override object? Call(Arguments arguments) => recurse is null
        ? throw JinjaError.Type("The loop must have the 'recursive' marker to be called recursively.")
        : recurse(arguments.Bind("loop", 1, "iterable")[0], depth + 1);

    public bool TryGet(string name, out object? value)
    {
        value = name switch
        {
            "index" => new BigInteger(Index0 + 1),
            "index0" => new BigInteger(Index0),
            "revindex" => new BigInteger(Length - Index0),
            "revindex0" => new BigInteger(Length - Index0 - 1),
            "first" => Index0 == 0,
            "last" => Index0 == Length - 1,
            "length" => new BigInteger(Length),
            "depth" => new BigInteger(depth),
            "depth0" => new BigInteger(depth - 1),
            "previtem" => Index0 > 0 ? items[Index0 - 1] : new Undefined("there is no previous item"),
            "nextitem" => Index0 + 1 < Length ? items[Index0 + 1] : new Undefined("there is no next item"),
            "cycle" => new BoundMethod(this, name, arguments => arguments.Positional.Count > 0
                ? arguments.Positional[Index0 % arguments.Positional.Count]
                : throw JinjaError.Type("no items for cycling given")),
            "changed" => new BoundMethod(this, name, Changed),
            _ => Arguments.Missing,
        };
        return Arguments.IsGiven(value);
    }

    private object Changed(Arguments arguments)
    {
        var now = new PyTuple([.. arguments.Positional]);
        bool changed = !Arguments.IsGiven(_lastChanged) || !PyCompare.AreEqual(_lastChanged, now);
        _lastChanged = now;
        return changed;
    }
}
