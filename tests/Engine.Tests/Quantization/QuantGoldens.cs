using System.Runtime.InteropServices;
using System.Text.Json;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Quantization;

/// <summary>The recorded bytes of ggml's quantiser.</summary>
internal static class QuantGoldens
{
    private static readonly string Folder = Path.Combine(Paths.Goldens, "formats", "gguf_quant");

    public static SafetensorsFile File { get; } = SafetensorsFile.Open(Path.Combine(Folder, "quant_bytes.safetensors"));

    public static JsonElement Json { get; } = JsonDocument.Parse(System.IO.File.ReadAllBytes(Path.Combine(Folder, "quant_bytes.json"))).RootElement;

    public static float[] Floats(string name) => MemoryMarshal.Cast<byte, float>(File.Tensors.Find(name)!.Span).ToArray();

    public static byte[] Bytes(string name) => File.Tensors.Find(name)!.Span.ToArray();

    /// <summary>Every "prefix.TYPE" that has bytes, with its type; types that cannot be read are left out.</summary>
    public static IEnumerable<(string Key, ElementType Type)> Stored =>
        from tensor in File.Tensors
        where tensor.Name.EndsWith(".bytes", StringComparison.Ordinal)
        let key = tensor.Name[..^".bytes".Length]
        let type = key.Split('.')[1]
        where type != "IQ4_XS"
        select (key, Enum.Parse<ElementType>(type));
}
