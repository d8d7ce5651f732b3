using System.Numerics;
using System.Text;

namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>Arithmetic, concatenation and repetition as Python has them.</summary>
internal static class PyOperators
{
    public static object? Unary(string op, object? value)
    {
        if (value is Undefined undefined)
        {
            throw undefined.Error;
        }

        if (PyTypes.TryInteger(value, out BigInteger integer))
        {
            return op == "-" ? -integer : integer;
        }

        return value is double number ? op == "-" ? -number : number
            : throw JinjaError.Type($"bad operand type for unary {op}: '{PyTypes.Name(value)}'");
    }

    public static object? Binary(string op, object? left, object? right)
    {
        if (left is Undefined a)
        {
            throw a.Error;
        }

        if (op == "%" && left is string format)
        {
            return PercentFormat.Format(format, right);
        }

        if (right is Undefined b)
        {
            throw b.Error;
        }

        if (PyTypes.TryInteger(left, out BigInteger x) && PyTypes.TryInteger(right, out BigInteger y))
        {
            return Integers(op, x, y);
        }

        if (PyTypes.IsNumber(left) && PyTypes.IsNumber(right))
        {
            return Floats(op, PyTypes.ToDouble(left), PyTypes.ToDouble(right));
        }

        return op switch
        {
            "+" => Join(left, right),
            "*" when PyTypes.TryInteger(right, out _) => Repeat(left, right),
            "*" when PyTypes.TryInteger(left, out _) => Repeat(right, left),
            _ => throw Unsupported(op, left, right),
        };
    }

    /// <summary>The operator ~: everything as text.</summary>
    public static string Concat(IReadOnlyList<object?> parts)
    {
        string[] texts = [.. parts.Select(PyText.Str)];
        RenderBudget.Produce(texts.Sum(text => (long)text.Length));
        return string.Concat(texts);
    }

    private static object Join(object? left, object? right)
    {
        switch (left, right)
        {
            case (string a, string b):
                RenderBudget.Produce((long)a.Length + b.Length);
                return a + b;
            case (List<object?> a, List<object?> b):
                RenderBudget.Produce((long)a.Count + b.Count);
                return new List<object?>([.. a, .. b]);
            case (PyTuple a, PyTuple b):
                RenderBudget.Produce((long)a.Items.Count + b.Items.Count);
                return new PyTuple([.. a.Items, .. b.Items]);
            case (string or List<object?> or PyTuple, _):
                string name = PyTypes.Name(left);
                throw JinjaError.Type($"can only concatenate {name} (not \"{PyTypes.Name(right)}\") to {name}");
            default:
                throw Unsupported("+", left, right);
        }
    }

    private static object Repeat(object? value, object? count)
    {
        int times = Math.Max(0, PyTypes.ToIndex(count));
        switch (value)
        {
            case string text:
                RenderBudget.Produce((long)text.Length * times);
                return new StringBuilder().Insert(0, text, times).ToString();
            case List<object?> list:
                RenderBudget.Produce((long)list.Count * times);
                return Enumerable.Repeat(list, list.Count == 0 ? 0 : times).SelectMany(items => items).ToList();
            case PyTuple tuple:
                RenderBudget.Produce((long)tuple.Items.Count * times);
                return new PyTuple([.. Enumerable.Repeat(tuple.Items, tuple.Items.Count == 0 ? 0 : times).SelectMany(items => items)]);
            default:
                throw Unsupported("*", value, count);
        }
    }

    private static object Integers(string op, BigInteger x, BigInteger y)
    {
        switch (op)
        {
            case "+": return Bounded(x + y);
            case "-": return Bounded(x - y);
            case "*": return Bounded(x * y);
            case "**" when y.Sign < 0: return Floats(op, (double)x, (double)y);
            case "**":
                if (!x.IsZero && !BigInteger.Abs(x).IsOne && (y > RenderBudget.MaxIntegerBits || x.GetBitLength() * (long)y > RenderBudget.MaxIntegerBits + 64))
                {
                    throw TooLarge();
                }

                // With base 0, 1 or −1 only the parity and zero-ness of the exponent matter.
                return BigInteger.Pow(x, y > RenderBudget.MaxIntegerBits ? 2 + (int)(y & 1) : (int)y);
        }

        if (y.IsZero)
        {
            throw new JinjaError(JinjaErrorKind.Value, op == "/" ? "division by zero" : "integer division or modulo by zero");
        }

        if (op == "/")
        {
            return (double)x / (double)y;
        }

        BigInteger quotient = BigInteger.DivRem(x, y, out BigInteger remainder);
        if (!remainder.IsZero && remainder.Sign != y.Sign)
        {
            quotient -= 1;
            remainder += y;
        }

        return op == "//" ? quotient : remainder;
    }

    private static object Floats(string op, double x, double y)
    {
        if (y == 0 && op is ("/" or "//" or "%"))
        {
            throw new JinjaError(JinjaErrorKind.Value, op == "/" ? "float division by zero" : "float floor division or modulo by zero");
        }

        return op switch
        {
            "+" => x + y,
            "-" => x - y,
            "*" => x * y,
            "/" => x / y,
            "//" => Math.Round((x - Modulo(x, y)) / y),
            "%" => Modulo(x, y),
            _ => Power(x, y),
        };
    }

    private static double Modulo(double x, double y)
    {
        double remainder = x % y;
        return remainder != 0 && remainder < 0 != y < 0 ? remainder + y : remainder;
    }

    private static double Power(double x, double y)
    {
        double power = Math.Pow(x, y);
        return double.IsFinite(power) || !double.IsFinite(x) || !double.IsFinite(y) ? power
            : throw JinjaError.Value($"{PyText.Float(x)} ** {PyText.Float(y)} is not a finite real number");
    }

    private static BigInteger Bounded(BigInteger value) => value.GetBitLength() <= RenderBudget.MaxIntegerBits ? value : throw TooLarge();

    private static JinjaError TooLarge() => new(JinjaErrorKind.Limit, $"the template computes an integer of more than {RenderBudget.MaxIntegerBits} bits");

    private static JinjaError Unsupported(string op, object? left, object? right) =>
        JinjaError.Type($"unsupported operand type(s) for {(op == "**" ? "** or pow()" : op)}: '{PyTypes.Name(left)}' and '{PyTypes.Name(right)}'");
}
