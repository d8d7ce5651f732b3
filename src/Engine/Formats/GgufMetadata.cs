using System.Collections;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Formats;

/// <summary>
/// The metadata of a GGUF file in file order. The typed getters return null where the key is absent, widen numbers without loss,
/// and raise <see cref="Codes.BadGguf"/> where the value has another kind.
/// </summary>
public sealed class GgufMetadata : IReadOnlyList<GgufEntry>
{
    private readonly List<GgufEntry> _entries = [];
    private readonly Dictionary<string, GgufEntry> _byKey = new(StringComparer.Ordinal);

    /// <param name="path">The file that messages name.</param>
    public GgufMetadata(string? path = null) => Path = path;

    public string? Path { get; }

    public int Count => _entries.Count;

    public GgufEntry this[int index] => _entries[index];

    /// <summary>Appends an entry; false where the key exists already.</summary>
    public bool TryAdd(GgufEntry entry)
    {
        if (!_byKey.TryAdd(entry.Key, entry))
        {
            return false;
        }

        _entries.Add(entry);
        return true;
    }

    /// <summary>Appends a value of the .NET type that names its GGUF type. A key may be given once.</summary>
    public void Add(string key, object value)
    {
        if (!TryAdd(GgufEntry.Of(key, value)))
        {
            throw new ArgumentException($"The key {key} is there already.", nameof(key));
        }
    }

    /// <summary>Gives a key a value: in its place where it exists already, else at the end.</summary>
    public void Set(string key, object value)
    {
        GgufEntry entry = GgufEntry.Of(key, value);
        if (!TryAdd(entry))
        {
            _entries[_entries.FindIndex(known => known.Key == key)] = entry;
            _byKey[key] = entry;
        }
    }

    /// <summary>Takes entries out.</summary>
    public void Remove(Predicate<GgufEntry> which)
    {
        foreach (GgufEntry entry in _entries.FindAll(which))
        {
            _entries.Remove(entry);
            _byKey.Remove(entry.Key);
        }
    }

    public GgufEntry? Find(string key) => _byKey.GetValueOrDefault(key);

    public string? GetString(string key) => Find(key) is not { } entry ? null : entry.Value as string ?? throw Wrong(entry, "a string");

    public bool? GetBool(string key) => Find(key) is not { } entry ? null : entry.Value is bool value ? value : throw Wrong(entry, "a bool");

    /// <summary>Any integer type whose value fits in 64 bits with sign.</summary>
    public long? GetInteger(string key) => Find(key) is not { } entry ? null : Integer(entry.Value) ?? throw Wrong(entry, "an integer");

    /// <summary>Any float or integer type.</summary>
    public double? GetFloat(string key) => Find(key) is not { } entry ? null : Float(entry.Value) ?? throw Wrong(entry, "a number");

    public string[]? GetStrings(string key) => Find(key) is not { } entry ? null : entry.Value as string[] ?? throw Wrong(entry, "an array of strings");

    public long[]? GetIntegers(string key) => Find(key) is not { } entry ? null : Convert(entry, Integer) ?? throw Wrong(entry, "an array of integers");

    public double[]? GetFloats(string key) => Find(key) is not { } entry ? null : Convert(entry, Float) ?? throw Wrong(entry, "an array of numbers");

    public IEnumerator<GgufEntry> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static long? Integer(object value) => value switch
    {
        byte number => number,
        sbyte number => number,
        ushort number => number,
        short number => number,
        uint number => number,
        int number => number,
        long number => number,
        ulong number when number <= long.MaxValue => (long)number,
        _ => null,
    };

    private static double? Float(object value) => value switch
    {
        float number => number,
        double number => number,
        _ => Integer(value),
    };

    private static T[]? Convert<T>(GgufEntry entry, Func<object, T?> convert) where T : struct
    {
        if (entry.Value is not Array { Rank: 1 } array)
        {
            return null;
        }

        var values = new T[array.Length];
        for (int i = 0; i < values.Length; i++)
        {
            if (convert(array.GetValue(i)!) is not { } value)
            {
                return null;
            }

            values[i] = value;
        }

        return values;
    }

    private FineTuneException Wrong(GgufEntry entry, string expected)
    {
        string found = entry.ElementType is { } element ? $"an array of {element}" : entry.Type.ToString();
        return new FineTuneException(
            Codes.BadGguf, $"The metadata key '{entry.Key}' holds {found} where {expected} is expected.",
            "Convert the model again with a current converter.", new SourcePosition(Path));
    }
}
