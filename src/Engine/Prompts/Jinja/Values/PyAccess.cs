using System.Numerics;
using System.Text;

namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>
/// a.name and a[index]. A dot asks for an attribute (method) first and then for the item, brackets the other way round;
/// what would change a list or a dict, and whatever begins with an underscore, is refused when used.
/// </summary>
internal static class PyAccess
{
    private static readonly HashSet<string> ListMethods =
        ["append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"];

    public static object? Attribute(object? target, string name)
    {
        if (target is Undefined undefined)
        {
            throw undefined.Error;
        }

        return TryAttribute(target, name, out object? value) || TryItem(target, name, out value) ? value : Undefined.Attribute(target, name);
    }

    public static object? Item(object? target, object? index)
    {
        if (target is Undefined undefined)
        {
            throw undefined.Error;
        }

        if (TryItem(target, index, out object? value))
        {
            return value;
        }

        if (index is string name)
        {
            return TryAttribute(target, name, out value) ? value : Undefined.Attribute(target, name);
        }

        return Undefined.Element(target, index);
    }

    /// <summary>The filter attr: an attribute, never an item.</summary>
    public static object? AttributeOnly(object? target, string name) =>
        TryAttribute(target, name, out object? value) ? value : Undefined.Attribute(target, name);

    public static object Slice(object? target, object? start, object? stop, object? step)
    {
        if (target is Undefined undefined)
        {
            throw undefined.Error;
        }

        if (target is not (string or List<object?> or PyTuple or PyRange))
        {
            return Undefined.Element(target, "slice");
        }

        int? from = Bound(start), to = Bound(stop);
        int by = Bound(step) ?? 1;
        if (by == 0)
        {
            throw JinjaError.Value("slice step cannot be zero");
        }

        switch (target)
        {
            case string text when !PyCharacters.HasSurrogates(text):
                return Pick(text.Length, from, to, by, i => text[i], picked => new string([.. picked]));
            case string text:
                Rune[] runes = [.. text.EnumerateRunes()];
                return Pick(runes.Length, from, to, by, i => runes[i], picked => PyCharacters.Join(picked.ToArray()));
            case List<object?> list:
                return Pick(list.Count, from, to, by, i => list[i], picked => picked.ToList());
            case PyTuple tuple:
                return Pick(tuple.Items.Count, from, to, by, i => tuple.Items[i], picked => new PyTuple([.. picked]));
            default:
                var range = (PyRange)target;
                return Pick(range.Count, from, to, by, i => i, picked => Part(range, [.. picked], by));
        }
    }

    private static PyRange Part(PyRange range, int[] picked, int by)
    {
        int step = range.Step * by, start = picked.Length == 0 ? range.Start : range.Start + (picked[0] * range.Step);
        return new PyRange(start, start + (picked.Length * step), step);
    }

    private static bool TryAttribute(object? target, string name, out object? value)
    {
        value = null;
        if (name.StartsWith('_'))
        {
            // Only names that every Python object has exist; a key that begins with "_" stays reachable.
            bool exists = name.StartsWith("__", StringComparison.Ordinal) && name.EndsWith("__", StringComparison.Ordinal);
            value = Undefined.Unsafe(target, name);
            return exists;
        }

        value = target switch
        {
            string text when StringMethods.Find(name) is { } method => new BoundMethod(text, name, arguments => method(text, arguments)),
            PyDict dict => DictMethods.Find(dict, name),
            List<object?> list when ListMethods.Contains(name) => ListMethod(list, list, name),
            PyTuple tuple when tuple.Names.IndexOf(name) is int place and >= 0 => tuple.Items[place],
            PyTuple tuple when name is "count" or "index" => ListMethod(tuple, tuple.Items, name),
            PyRange range when name is "count" or "index" => ListMethod(range, PyIteration.List(range), name),
            PyNamespace space when space.Attributes.TryGetValue(name, out object? found) => found ?? Nothing.Instance,
            PyBytes bytes when name == "decode" => new BoundMethod(bytes, name, _ => Encoding.UTF8.GetString(bytes.Bytes)),
            IPyAttributes special => special.TryGet(name, out object? found) ? found ?? Nothing.Instance : null,
            _ => null,
        };
        if (value is Nothing)
        {
            value = null;
            return true;
        }

        return value is not null;
    }

    private static bool TryItem(object? target, object? index, out object? value)
    {
        value = null;
        switch (target)
        {
            case PyDict dict:
                return dict.TryGet(index, out value);
            case string or List<object?> or PyTuple or PyRange when PyTypes.TryInteger(index, out BigInteger integer):
                int length = PyIteration.Length(target);
                BigInteger at = integer.Sign < 0 ? integer + length : integer;
                if (at.Sign < 0 || at >= length)
                {
                    return false;
                }

                value = ElementAt(target, (int)at);
                return true;
            default:
                return false;
        }
    }

    private static object? ElementAt(object target, int at) => target switch
    {
        string text => PyCharacters.HasSurrogates(text) ? PyCharacters.CodePoints(text).ElementAt(at) : text[at].ToString(),
        List<object?> list => list[at],
        PyTuple tuple => tuple.Items[at],
        PyRange range => range[at],
        _ => throw new ArgumentException("not a sequence", nameof(target)),
    };

    private static object ListMethod(object target, IReadOnlyList<object?> items, string name) => name switch
    {
        "copy" => new BoundMethod(target, name, _ => items.ToList()),
        "count" => new BoundMethod(target, name, arguments =>
        {
            object? item = arguments.Bind(name, 1, "value")[0];
            return new BigInteger(items.Count(other => PyCompare.AreEqual(other, item)));
        }),
        "index" => new BoundMethod(target, name, arguments =>
        {
            object? item = arguments.Bind(name, 1, "value")[0];
            int place = items.TakeWhile(other => !PyCompare.AreEqual(other, item)).Count();
            return place < items.Count ? new BigInteger(place) : throw JinjaError.Value($"{PyText.Repr(item)} is not in list");
        }),
        _ => Undefined.Unsafe(target, name),
    };

    private static int? Bound(object? value) => value is null ? null : PyTypes.ToIndex(value);

    private static object Pick<TItem>(int length, int? start, int? stop, int step, Func<int, TItem> item, Func<IEnumerable<TItem>, object> make)
    {
        int lowest = step > 0 ? 0 : -1, highest = step > 0 ? length : length - 1;
        long from = Clamp(start, step > 0 ? lowest : highest), to = Clamp(stop, step > 0 ? highest : lowest);
        long count = step > 0 ? (to - from + step - 1) / step : (from - to - step - 1) / -(long)step;
        RenderBudget.Produce(Math.Max(0, count));
        return make(Enumerable.Range(0, (int)Math.Max(0, count)).Select(i => item((int)(from + ((long)i * step)))));

        long Clamp(int? bound, int otherwise) =>
            bound is not int given ? otherwise : Math.Clamp(given < 0 ? (long)given + length : given, lowest, highest);
    }

    /// <summary>An attribute that is there and none.</summary>
    private sealed class Nothing
    {
        public static readonly Nothing Instance = new();
    }
}

/// <summary>An object of the environment with attributes: loop, cycler.</summary>
internal interface IPyAttributes
{
    bool TryGet(string name, out object? value);
}

internal static class ReadOnlyListSearch
{
    public static int IndexOf(this IReadOnlyList<string> names, string name)
    {
        for (int i = 0; i < names.Count; i++)
        {
            if (names[i] == name)
            {
                return i;
            }
        }

        return -1;
    }
}
