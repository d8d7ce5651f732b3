using System.Numerics;

namespace FineTuneTool.Engine.Prompts.Jinja.Values;

// Values of a template are .NET objects: null, bool, BigInteger, double and string stand for None, bool, int, float and str,
// List<object?> for list; the rest is here. All of them are immutable for the template (it may build, never change).

/// <summary>tuple; <paramref name="Names"/> are the attributes of a named one.</summary>
internal sealed record PyTuple(IReadOnlyList<object?> Items, params IReadOnlyList<string> Names);

internal enum PyViewKind
{
    Keys,
    Values,
    Items,
}

/// <summary>dict.keys(), dict.values(), dict.items()</summary>
internal sealed record PyView(PyDict Dict, PyViewKind Kind)
{
    public IEnumerable<object?> Items => Kind switch
    {
        PyViewKind.Keys => Dict.Keys,
        PyViewKind.Values => Dict.Items.Select(item => item.Value),
        _ => Dict.Items.Select(item => (object?)new PyTuple([item.Key, item.Value])),
    };
}

internal sealed record PyRange(int Start, int Stop, int Step)
{
    public const int MaxCount = 100_000;

    public int Count => (int)Math.Max(0, Step > 0 ? ((long)Stop - Start + Step - 1) / Step : ((long)Start - Stop - Step - 1) / -(long)Step);

    public object this[int index] => new BigInteger(Start + ((long)index * Step));
}

internal sealed record PyBytes(byte[] Bytes);

/// <summary>What lazy filters give: can be walked through once.</summary>
internal sealed class PyGenerator(IEnumerable<object?> items)
{
    private IEnumerable<object?>? _items = items;

    public IEnumerable<object?> Take()
    {
        IEnumerable<object?> items = _items ?? [];
        _items = null;
        return items;
    }
}

/// <summary>namespace(): the only thing that a template can change.</summary>
internal sealed class PyNamespace
{
    public Dictionary<string, object?> Attributes { get; } = [];

    public void Set(string name, object? value)
    {
        if (name.StartsWith('_'))
        {
            throw new JinjaError(JinjaErrorKind.Security,
                $"Chat templates cannot store underscore-prefixed attributes on a namespace, but got '{name}'. Please rename the attribute.");
        }

        Attributes[name] = value;
    }
}

/// <summary>A name or attribute that is not there: false, prints nothing, holds nothing; any use of its inside raises.</summary>
internal sealed record Undefined(string Message, JinjaErrorKind Kind = JinjaErrorKind.Undefined)
{
    public JinjaError Error => new(Kind, Message);

    public static Undefined Name(string name) => new($"'{name}' is undefined");

    public static Undefined Attribute(object? target, string name) => new($"'{Owner(target)}' has no attribute {PyText.Repr(name)}");

    public static Undefined Element(object? target, object? index) => new($"{Owner(target)} has no element {PyText.Repr(index)}");

    public static Undefined Unsafe(object? target, string name) =>
        new($"access to attribute '{name}' of '{PyTypes.Name(target)}' object is unsafe.", JinjaErrorKind.Security);

    private static string Owner(object? target) => target is null ? "None" : PyTypes.Name(target) + " object";
}

internal static class PyTypes
{
    /// <summary>The name of the Python type, as messages show it.</summary>
    public static string Name(object? value) => value switch
    {
        null => "NoneType",
        bool => "bool",
        BigInteger => "int",
        double => "float",
        string => "str",
        List<object?> => "list",
        PyTuple => "tuple",
        PyDict => "dict",
        PyView view => view.Kind switch { PyViewKind.Keys => "dict_keys", PyViewKind.Values => "dict_values", _ => "dict_items" },
        PyRange => "range",
        PyBytes => "bytes",
        PyGenerator => "generator",
        Undefined => "Undefined",
        PyNamespace => "jinja2.utils.Namespace",
        PyCallable callable => callable.TypeName,
        _ => value.GetType().Name,
    };

    /// <summary>bool, int and float as a number; bool counts as int.</summary>
    public static bool IsNumber(object? value) => value is bool or BigInteger or double;

    public static bool TryInteger(object? value, out BigInteger integer)
    {
        integer = value switch { bool flag => flag ? 1 : 0, BigInteger number => number, _ => default };
        return value is bool or BigInteger;
    }

    public static double ToDouble(object? value) => value is double number ? number : TryInteger(value, out BigInteger integer) ? (double)integer : double.NaN;

    /// <summary>An integer argument as an int, clamped: lengths and indices beyond that all mean "the end".</summary>
    public static int ToIndex(object? value)
    {
        if (value is Undefined undefined)
        {
            throw undefined.Error;
        }

        return TryInteger(value, out BigInteger integer)
            ? (int)BigInteger.Clamp(integer, -int.MaxValue, int.MaxValue)
            : throw JinjaError.Type($"'{Name(value)}' object cannot be interpreted as an integer");
    }
}
