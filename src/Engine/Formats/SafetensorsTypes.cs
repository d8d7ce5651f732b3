using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Formats;

/// <summary>The names of element types in safetensors headers.</summary>
public static class SafetensorsTypes
{
    /// <summary>Every pair of name and type that can be read, in the order in which the reference writer sorts types (widest first).</summary>
    public static IReadOnlyList<(string Name, ElementType Type)> All { get; } =
    [
        ("U64", ElementType.U64), ("I64", ElementType.I64), ("F64", ElementType.F64), ("F32", ElementType.F32), ("U32", ElementType.U32),
        ("I32", ElementType.I32), ("BF16", ElementType.BF16), ("F16", ElementType.F16), ("U16", ElementType.U16), ("I16", ElementType.I16),
        ("F8_E4M3", ElementType.F8_E4M3), ("F8_E5M2", ElementType.F8_E5M2), ("I8", ElementType.I8), ("U8", ElementType.U8), ("BOOL", ElementType.Bool),
    ];

    /// <summary>Types that the reference library knows and this reader does not.</summary>
    private static readonly HashSet<string> Unsupported =
        ["C64", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F6_E2M3", "F6_E3M2", "F4"];

    private static readonly Dictionary<string, ElementType> ByName = All.ToDictionary(pair => pair.Name, pair => pair.Type, StringComparer.Ordinal);

    private static readonly Dictionary<ElementType, int> Orders = All.Index().ToDictionary(pair => pair.Item.Type, pair => pair.Index);

    /// <summary>The type of a name, or null.</summary>
    public static ElementType? Find(string name) => ByName.TryGetValue(name, out ElementType type) ? type : null;

    public static bool IsUnsupported(string name) => Unsupported.Contains(name);

    /// <summary>Place of a type in <see cref="All"/>. Types that safetensors lacks throw <see cref="ArgumentException"/>.</summary>
    public static int Order(ElementType type) =>
        Orders.TryGetValue(type, out int order) ? order : throw new ArgumentException($"safetensors has no type for {type}.", nameof(type));
}
