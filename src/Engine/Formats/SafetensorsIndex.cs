using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Formats;

/// <summary>The index of a sharded model: which file holds which tensor. File names stay inside the folder of the index.</summary>
public sealed record SafetensorsIndex(string Path, IReadOnlyDictionary<string, string> WeightMap)
{
    /// <summary>The shards by name, each once.</summary>
    public IReadOnlyList<string> Shards { get; } = [.. WeightMap.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>Reads <c>model.safetensors.index.json</c>; anything odd raises <see cref="Codes.BadSafetensors"/>.</summary>
    public static SafetensorsIndex Read(string path)
    {
        JsonObject root = JsonFile.ReadObject(path, Codes.BadSafetensors);
        if (root["weight_map"] is not JsonObject { Count: > 0 } map)
        {
            throw Bad(path, "it has no weight_map");
        }

        var weights = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string tensor, JsonNode? file) in map)
        {
            if (file?.GetValueKind() != JsonValueKind.String || !IsPlainName(file.GetValue<string>()))
            {
                throw Bad(path, $"tensor '{tensor}' lies in {file?.ToJsonString() ?? "null"}, which is not the name of a safetensors file beside the index");
            }

            weights[tensor] = file.GetValue<string>();
        }

        return new SafetensorsIndex(path, weights);
    }

    internal static FineTuneException Bad(string path, string problem) => new(
        Codes.BadSafetensors, $"'{path}' is not a valid index: {problem}.", "Download the folder again.", new SourcePosition(path));

    private static bool IsPlainName(string name) =>
        name.EndsWith(".safetensors", StringComparison.Ordinal) && name.IndexOfAny(['/', '\\', ':', '\0']) < 0;
}
