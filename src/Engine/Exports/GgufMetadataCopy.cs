using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Exports;

/// <summary>The metadata of a GGUF file for another one with the same model in another storage.</summary>
internal static class GgufMetadataCopy
{
    /// <summary>Keys that speak of the file and not of the model.</summary>
    private static readonly string[] OfTheFile =
        ["general.file_type", "general.quantization_version", "general.alignment", "split.no", "split.count", "split.tensors.count"];

    public static GgufMetadata Make(GgufMetadata source, uint fileType, string? name)
    {
        var metadata = new GgufMetadata();
        foreach (GgufEntry entry in source.Where(entry => !OfTheFile.Contains(entry.Key) && !entry.Key.StartsWith("quantize.imatrix.", StringComparison.Ordinal)))
        {
            metadata.TryAdd(entry.Key == "general.name" && name is not null ? GgufEntry.Of(entry.Key, name) : entry);
        }

        metadata.Add("general.quantization_version", 2u);
        metadata.Add("general.file_type", fileType);
        return metadata;
    }
}
