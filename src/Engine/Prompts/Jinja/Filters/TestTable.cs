using System.Numerics;
using FineTuneTool.Engine.Prompts.Jinja.Values;

namespace FineTuneTool.Engine.Prompts.Jinja.Filters;

/// <summary>value is name(arguments)</summary>
internal delegate bool Test(object? value, Arguments arguments);

/// <summary>Every test by name.</summary>
internal static class TestTable
{
    private static readonly Dictionary<string, Test> All = new()
    {
        ["boolean"] = (value, _) => value is bool,
        ["callable"] = (value, _) => value is PyCallable or Undefined,
        ["defined"] = (value, _) => value is not Undefined,
        ["divisibleby"] = (value, arguments) => PyCompare.AreEqual(PyOperators.Binary("%", value, One(arguments, "divisibleby")), BigInteger.Zero),
        ["escaped"] = (_, _) => false,
        ["even"] = (value, _) => PyCompare.AreEqual(PyOperators.Binary("%", value, new BigInteger(2)), BigInteger.Zero),
        ["false"] = (value, _) => value is false,
        ["filter"] = (value, _) => value is string name && FilterTable.Has(name),
        ["float"] = (value, _) => value is double,
        ["in"] = (value, arguments) => PyCompare.Contains(One(arguments, "in"), value),
        ["integer"] = (value, _) => value is BigInteger,
        ["iterable"] = (value, _) => value is string or List<object?> or PyTuple or PyDict or PyView or PyRange or PyBytes or PyGenerator or Undefined or LoopState,
        ["lower"] = (value, _) => PyCase.Is(PyText.Str(value), upper: false),
        ["mapping"] = (value, _) => value is PyDict,
        ["none"] = (value, _) => value is null,
        ["number"] = (value, _) => PyTypes.IsNumber(value),
        ["odd"] = (value, _) => PyCompare.AreEqual(PyOperators.Binary("%", value, new BigInteger(2)), BigInteger.One),
        ["sameas"] = (value, arguments) => SameAs(value, One(arguments, "sameas")),
        ["sequence"] = (value, _) => value is string or List<object?> or PyTuple or PyDict or PyRange or PyBytes or Undefined,
        ["string"] = (value, _) => value is string,
        ["test"] = (value, _) => value is string name && Has(name),
        ["true"] = (value, _) => value is true,
        ["undefined"] = (value, _) => value is Undefined,
        ["upper"] = (value, _) => PyCase.Is(PyText.Str(value), upper: true),
    };

    private static readonly Dictionary<string, string> Comparisons = new()
    {
        ["=="] = "==",
        ["eq"] = "==",
        ["equalto"] = "==",
        ["!="] = "!=",
        ["ne"] = "!=",
        ["<"] = "<",
        ["lt"] = "<",
        ["lessthan"] = "<",
        ["<="] = "<=",
        ["le"] = "<=",
        [">"] = ">",
        ["gt"] = ">",
        ["greaterthan"] = ">",
        [">="] = ">=",
        ["ge"] = ">=",
    };

    public static Test Find(string name) =>
        All.TryGetValue(name, out Test? test) ? test
        : Comparisons.TryGetValue(name, out string? op) ? (value, arguments) => PyCompare.Holds(op, value, One(arguments, name))
        : throw new JinjaError(JinjaErrorKind.Syntax, $"No test named '{name}'.");

    private static bool Has(string name) => All.ContainsKey(name) || Comparisons.ContainsKey(name);

    private static object? One(Arguments arguments, string name) => arguments.Bind(name, 1, "other")[0];

    private static bool SameAs(object? left, object? right) => ReferenceEquals(left, right)
        || (left is bool or BigInteger or string && left.GetType() == right?.GetType() && PyCompare.AreEqual(left, right));
}
