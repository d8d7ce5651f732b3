namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>dict: keeps the order in which keys came; 1, 1.0 and True are one key.</summary>
internal sealed class PyDict
{
    private readonly List<KeyValuePair<object?, object?>> _items = [];
    private readonly Dictionary<PyKey, int> _places = [];

    public PyDict()
    {
    }

    public PyDict(IEnumerable<KeyValuePair<object?, object?>> items)
    {
        foreach ((object? key, object? value) in items)
        {
            Set(key, value);
        }
    }

    public int Count => _items.Count;

    public IReadOnlyList<KeyValuePair<object?, object?>> Items => _items;

    public IEnumerable<object?> Keys => _items.Select(item => item.Key);

    /// <summary>Used while a dict is built only.</summary>
    public void Set(object? key, object? value)
    {
        if (_places.TryGetValue(new PyKey(key), out int place))
        {
            _items[place] = new(_items[place].Key, value);
        }
        else
        {
            _places.Add(new PyKey(key), _items.Count);
            _items.Add(new(key, value));
        }
    }

    public bool TryGet(object? key, out object? value)
    {
        bool found = _places.TryGetValue(new PyKey(key), out int place);
        value = found ? _items[place].Value : null;
        return found;
    }
}

/// <summary>A value as a key: equal as Python says, unhashable values refused.</summary>
internal readonly struct PyKey(object? value) : IEquatable<PyKey>
{
    private readonly object? _value = value;

    public bool Equals(PyKey other) => PyCompare.AreEqual(_value, other._value);

    public override bool Equals(object? obj) => obj is PyKey other && Equals(other);

    public override int GetHashCode() => Hash(_value);

    private static int Hash(object? value)
    {
        RenderBudget.Step();
        return value switch
        {
            null => 1,
            bool or System.Numerics.BigInteger or double => PyTypes.ToDouble(value).GetHashCode(),
            string text => text.GetHashCode(StringComparison.Ordinal),
            PyTuple tuple => tuple.Items.Aggregate(7, (hash, item) => HashCode.Combine(hash, Hash(item))),
            List<object?> or PyDict or PyView => throw JinjaError.Type($"unhashable type: '{PyTypes.Name(value)}'"),
            _ => value.GetHashCode(),
        };
    }
}
