using System.Numerics;

namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>Truth, equality, order and membership as Python has them.</summary>
internal static class PyCompare
{
    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool flag => flag,
        BigInteger integer => !integer.IsZero,
        double number => number != 0,
        string text => text.Length > 0,
        PyBytes bytes => bytes.Bytes.Length > 0,
        PyGenerator => true,
        _ => !PyIteration.TryLength(value, out int length) || length > 0,
    };

    public static bool AreEqual(object? left, object? right)
    {
        RenderBudget.Step();
        if (ReferenceEquals(left, right))
        {
            return left is not double number || !double.IsNaN(number);
        }

        if (PyTypes.IsNumber(left) && PyTypes.IsNumber(right))
        {
            return CompareNumbers(left, right) == 0;
        }

        return (left, right) switch
        {
            (string a, string b) => string.Equals(a, b, StringComparison.Ordinal),
            (List<object?> a, List<object?> b) => SequenceEqual(a, b),
            (PyTuple a, PyTuple b) => SequenceEqual(a.Items, b.Items),
            (PyDict a, PyDict b) => a.Count == b.Count && a.Items.All(item => b.TryGet(item.Key, out object? value) && AreEqual(item.Value, value)),
            (PyBytes a, PyBytes b) => a.Bytes.AsSpan().SequenceEqual(b.Bytes),
            (PyRange a, PyRange b) => a == b,
            (Undefined, Undefined) => true,
            _ => false,
        };
    }

    /// <exception cref="JinjaError">The two have no order.</exception>
    public static int Order(object? left, object? right, string op)
    {
        RenderBudget.Step();
        if (PyTypes.IsNumber(left) && PyTypes.IsNumber(right))
        {
            // NaN is neither less nor greater; no template gets far enough to tell 2 from an order.
            return CompareNumbers(left, right) ?? 2;
        }

        return (left, right) switch
        {
            (Undefined undefined, _) => throw undefined.Error,
            (_, Undefined undefined) => throw undefined.Error,
            (string a, string b) => PyCharacters.Compare(a, b),
            (List<object?> a, List<object?> b) => OrderSequences(a, b, op),
            (PyTuple a, PyTuple b) => OrderSequences(a.Items, b.Items, op),
            _ => throw JinjaError.Type($"'{op}' not supported between instances of '{PyTypes.Name(left)}' and '{PyTypes.Name(right)}'"),
        };
    }

    public static bool Holds(string op, object? left, object? right) => op switch
    {
        "==" => AreEqual(left, right),
        "!=" => !AreEqual(left, right),
        "in" => Contains(right, left),
        "not in" => !Contains(right, left),
        "<" => Order(left, right, op) == -1,
        "<=" => Order(left, right, op) is -1 or 0,
        ">" => Order(left, right, op) == 1,
        _ => Order(left, right, op) is 1 or 0,
    };

    public static bool Contains(object? container, object? item)
    {
        switch (container)
        {
            case string text:
                RenderBudget.Produce(text.Length);
                return item switch
                {
                    string part => text.Contains(part, StringComparison.Ordinal),
                    Undefined undefined => throw undefined.Error,
                    _ => throw JinjaError.Type($"'in <string>' requires string as left operand, not {PyTypes.Name(item)}"),
                };
            case PyDict dict:
                return dict.TryGet(item, out _);
            default:
                return PyIteration.TryIterate(container, out IEnumerable<object?> items)
                    ? items.Any(other => AreEqual(other, item))
                    : throw JinjaError.Type($"argument of type '{PyTypes.Name(container)}' is not iterable");
        }
    }

    /// <summary>−1, 0, 1; null with a NaN.</summary>
    private static int? CompareNumbers(object? left, object? right)
    {
        if (PyTypes.TryInteger(left, out BigInteger a) && PyTypes.TryInteger(right, out BigInteger b))
        {
            return a.CompareTo(b) switch { < 0 => -1, 0 => 0, _ => 1 };
        }

        double x = PyTypes.ToDouble(left), y = PyTypes.ToDouble(right);
        return x < y ? -1 : x > y ? 1 : x == y ? 0 : null;
    }

    private static bool SequenceEqual(IReadOnlyList<object?> left, IReadOnlyList<object?> right) =>
        left.Count == right.Count && !left.Where((item, i) => !AreEqual(item, right[i])).Any();

    private static int OrderSequences(IReadOnlyList<object?> left, IReadOnlyList<object?> right, string op)
    {
        for (int i = 0; i < Math.Min(left.Count, right.Count); i++)
        {
            if (!AreEqual(left[i], right[i]))
            {
                return Order(left[i], right[i], op);
            }
        }

        return Math.Sign(left.Count.CompareTo(right.Count));
    }
}
