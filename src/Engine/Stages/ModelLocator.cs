using FineTuneTool.Engine.Diagnostics;

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

    /// <summary>HF_HUB_CACHE, HF_HOME/hub, or ~/.cache/huggingface/hub, as huggingface_hub decides.</summary>
    public static string CacheFolder =>
        Environment.GetEnvironmentVariable("HF_HUB_CACHE") is { Length: > 0 } cache ? cache :
        Environment.GetEnvironmentVariable("HF_HOME") is { Length: > 0 } home ? Path.Combine(home, "hub") :
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "huggingface", "hub");

    private static string? InCache(string id)
    {
        string[] parts = id.Split('@', 2);
        string[] names = parts[0].Split('/');
        if (names.Length > 2 || !names.Concat(parts[1..]).All(IsName))
        {
            return null;
        }

        string repository = Path.Combine(CacheFolder, "models--" + string.Join("--", names));
        string revision = parts.Length == 2 ? parts[1] : "main";
        string reference = Path.Combine(repository, "refs", revision);
        string commit = File.Exists(reference) ? File.ReadAllText(reference).Trim() : revision;
        string snapshot = Path.Combine(repository, "snapshots", commit);
        return IsName(commit) && File.Exists(Path.Combine(snapshot, "config.json")) ? snapshot : null;
    }

    /// <summary>A single path segment that stays in its folder.</summary>
    private static bool IsName(string segment) =>
        segment.Length > 0 && segment is not ("." or "..") && segment.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');
}
