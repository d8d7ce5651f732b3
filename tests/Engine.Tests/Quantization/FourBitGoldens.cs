using System.Runtime.InteropServices;
using System.Text.Json;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Quantization;

/// <summary>One pair of NAME.json and NAME.safetensors recorded from bitsandbytes.</summary>
internal sealed class FourBitGoldens(string name, string? folder = null)
{
    private static readonly string Own = Path.Combine(Paths.Goldens, "formats", "nf4");

    private readonly SafetensorsFile _file = SafetensorsFile.Open(Path.Combine(folder ?? Own, $"{name}.safetensors"));

    public static FourBitGoldens NF4 { get; } = new("nf4_blocks");

    public static FourBitGoldens FP4 { get; } = new("fp4_blocks");

    public static FourBitGoldens Double { get; } = new("nf4_double");

    public JsonElement Json => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder ?? Own, $"{name}.json"))).RootElement;

    public StoredTensor? Find(string tensor) => _file.Tensors.Find(tensor);

    public byte[] Bytes(string tensor) => Find(tensor)!.Span.ToArray();

    /// <summary>A tensor of any type of weights, widened.</summary>
    public float[] Floats(string tensor) => WeightDecoder.Decode(Find(tensor)!);

    /// <summary>Codes and scales as one tensor of blocks.</summary>
    public static StoredTensor Store(ElementType type, Shape shape, byte[] packed, float[] scales, int blockSize)
    {
        byte[] bytes = new byte[type.Bytes(shape)];
        for (int block = 0; block < bytes.Length / 36; block++)
        {
            MemoryMarshal.Write(bytes.AsSpan(block * 36), scales[block * 64 / blockSize]);
            packed.AsSpan(block * 32, Math.Min(32, packed.Length - block * 32)).CopyTo(bytes.AsSpan(block * 36 + 4));
        }

        return Store(type, shape, bytes);
    }

    public static unsafe StoredTensor Store(ElementType type, Shape shape, byte[] bytes)
    {
        var buffer = new NativeBuffer(bytes.Length);
        bytes.CopyTo(new Span<byte>(buffer.Pointer, bytes.Length));
        return new StoredTensor("stored", type, shape, buffer.Pointer, buffer.Length, buffer);
    }
}
