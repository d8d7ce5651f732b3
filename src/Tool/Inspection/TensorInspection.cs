using System.Text.Json.Nodes;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Tool.Inspection;

/// <summary>Tensors: how many, how large, of which types; and a safetensors file.</summary>
internal static class TensorInspection
{
    public static bool Fits(string path) => File.Exists(path) && path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);

    public static JsonObject Describe(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        var description = new JsonObject
        {
            ["metadata"] = new JsonObject(file.Metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value))),
        };
        Add(description, file.Tensors);
        return description;
    }

    /// <summary>Adds parameters, bytes, tensors by type, and the list of all.</summary>
    public static void Add(JsonObject description, TensorTable tensors)
    {
        description["parameters"] = tensors.Sum(tensor => tensor.Shape.Count);
        description["tensor_bytes"] = tensors.Sum(tensor => tensor.Bytes);
        description["types"] = new JsonObject(tensors
            .GroupBy(tensor => tensor.Type)
            .OrderBy(group => group.Key)
            .Select(group => KeyValuePair.Create(group.Key.ToString(), (JsonNode?)group.Count())));
        description["tensors"] = new JsonArray([.. tensors.Select(Describe)]);
    }

    private static JsonObject Describe(StoredTensor tensor) => new()
    {
        ["name"] = tensor.Name,
        ["type"] = tensor.Type.ToString(),
        ["shape"] = new JsonArray([.. tensor.Shape.Extents.ToArray().Select(extent => (JsonNode)extent)]),
        ["bytes"] = tensor.Bytes,
    };
}
