using System.Collections;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Formats;

/// <summary>Tensors in the order of their file, found by name.</summary>
public sealed class TensorTable : IReadOnlyList<StoredTensor>
{
    private readonly IReadOnlyList<StoredTensor> _tensors;
    private readonly Dictionary<string, StoredTensor> _byName;

    /// <param name="tensors">Names are distinct, else <see cref="ArgumentException"/>.</param>
    public TensorTable(IReadOnlyList<StoredTensor> tensors)
    {
        _tensors = tensors;
        _byName = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    public int Count => _tensors.Count;

    public StoredTensor this[int index] => _tensors[index];

    /// <summary>The tensor of that name, or null.</summary>
    public StoredTensor? Find(string name) => _byName.GetValueOrDefault(name);

    public IEnumerator<StoredTensor> GetEnumerator() => _tensors.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
