using System.Text.Json;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Models;

/// <summary>One pair of NAME.json and NAME.safetensors of the SmolLM2 references, with a backend to read them.</summary>
internal sealed class SmolLm2Golden(string name) : IDisposable
{
    private readonly SafetensorsFile _tensors = SafetensorsFile.Open(Path.Combine(Folder, $"{name}.safetensors"));

    public static string Folder => Path.Combine(Paths.Shared, "goldens", "models", "smollm2");

    public JsonElement Json { get; } = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, $"{name}.json"))).RootElement;

    public Backend Backend { get; } = CpuBackend.Create(threads: 2);

    public static int[] Ints(JsonElement list) => [.. list.EnumerateArray().Select(id => id.GetInt32())];

    public bool Has(string tensor) => _tensors.Tensors.Find(tensor) is not null;

    public float[] Tensor(string tensor)
    {
        StoredTensor stored = _tensors.Tensors.Find(tensor)!;
        float[] values = new float[stored.Shape.Count];
        using Tensor loaded = Backend.Load(stored);
        Backend.Read(loaded, values);
        return values;
    }

    public void Dispose()
    {
        _tensors.Dispose();
        Backend.Dispose();
    }
}
