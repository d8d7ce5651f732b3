using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Formats;

/// <summary>The numbers of tensor element types in GGUF files (ggml, <c>enum ggml_type</c>).</summary>
public static class GgufTensorTypes
{
    /// <summary>Every pair of number and type that can be read.</summary>
    public static IReadOnlyList<(int Number, ElementType Type)> All { get; } =
    [
        (0, ElementType.F32), (1, ElementType.F16), (2, ElementType.Q4_0), (3, ElementType.Q4_1), (6, ElementType.Q5_0), (7, ElementType.Q5_1),
        (8, ElementType.Q8_0), (10, ElementType.Q2_K), (11, ElementType.Q3_K), (12, ElementType.Q4_K), (13, ElementType.Q5_K), (14, ElementType.Q6_K),
        (20, ElementType.IQ4_NL), (24, ElementType.I8), (25, ElementType.I16), (26, ElementType.I32), (27, ElementType.I64), (28, ElementType.F64),
        (30, ElementType.BF16),
    ];

    /// <summary>Types that llama.cpp knows and this reader does not.</summary>
    private static readonly Dictionary<int, string> Unsupported = new()
    {
        [9] = "Q8_1",
        [15] = "Q8_K",
        [16] = "IQ2_XXS",
        [17] = "IQ2_XS",
        [18] = "IQ3_XXS",
        [19] = "IQ1_S",
        [21] = "IQ3_S",
        [22] = "IQ2_S",
        [23] = "IQ4_XS",
        [29] = "IQ1_M",
        [34] = "TQ1_0",
        [35] = "TQ2_0",
        [39] = "MXFP4",
        [40] = "NVFP4",
    };

    private static readonly Dictionary<int, ElementType> ByNumber = All.ToDictionary(pair => pair.Number, pair => pair.Type);

    private static readonly Dictionary<ElementType, int> ByType = All.ToDictionary(pair => pair.Type, pair => pair.Number);

    /// <summary>The type of a number, or null.</summary>
    public static ElementType? Find(int number) => ByNumber.TryGetValue(number, out ElementType type) ? type : null;

    /// <summary>The name of a known type that cannot be read, or null.</summary>
    public static string? FindUnsupported(int number) => Unsupported.GetValueOrDefault(number);

    /// <summary>The number of a type. Types that GGUF lacks throw <see cref="ArgumentException"/>.</summary>
    public static int Number(ElementType type) =>
        ByType.TryGetValue(type, out int number) ? number : throw new ArgumentException($"GGUF has no type for {type}.", nameof(type));
}
