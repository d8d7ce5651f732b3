using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Stages;

/// <summary>Finds the model that BaseModel names: a .gguf file, a Hugging Face folder, or a Hub id in the cache that Python's huggingface_hub shares.</summary>
public static class ModelLocator
{
    /// <returns>The full path of a .gguf file or of a folder with config.json.</returns>
    /// <exception cref="FineTuneException">FT0004 with the three ways to supply the model.</exception>
    public static string Find(string model, string directory, SourcePosition place)
    {
        string path = Path.GetFullPath(Path.Combine(directory, model));
        if (File.Exists(path) && path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
        {
            return path;
        }

        if (File.Exists(Path.Combine(path, "config.json")))
        {
            return path;
        }

        return InCache(model) ?? throw new FineTuneException(
            Codes.BaseModelMissing,
            $"The base model {model} is not on this machine.",
            $"Supply it in one of three ways: (1) -p:BaseModel=PATH to a .gguf file; (2) -p:BaseModel=PATH to a Hugging Face folder with config.json, "
            + $"tokenizer.json and safetensors; (3) put the Hub id's snapshot into the Hub cache, {CacheFolder}.",
            place);
    }

    /// <summary>See <see cref="HubCache.Folder"/>.</summary>
    public static string CacheFolder => HubCache.Folder;

    private static string? InCache(string id) =>
        HubCache.Snapshot(HubCache.Models, id) is { } snapshot && File.Exists(Path.Combine(snapshot, "config.json")) ? snapshot : null;
}
