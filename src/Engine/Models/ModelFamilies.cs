using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Models;

/// <summary>The model families that can be trained.</summary>
public static class ModelFamilies
{
    public static IReadOnlyList<ModelFamily> All { get; } =
    [
        new LlamaFamily(), new MistralFamily(), new Qwen2Family(), new Qwen3Family(), new GemmaFamily(), new Gemma2Family(), new Gemma3Family(), new Phi3Family(),
    ];

    /// <summary>The family of a model and its description. Raises <see cref="Codes.UnsupportedArchitecture"/> or <see cref="Codes.BadModelConfig"/>.</summary>
    public static (ModelFamily Family, DecoderSpec Spec) Read(ModelFiles files)
    {
        switch (files)
        {
            case GgufModelFiles gguf:
                var fields = new GgufFields(gguf);
                ModelFamily family = All.FirstOrDefault(family => family.GgufArchitecture == fields.Architecture)
                    ?? throw Unknown($"general.architecture '{fields.Architecture}'", All.Select(family => family.GgufArchitecture).OfType<string>(), files.Path);
                return (family, family.Read(fields));
            case HuggingFaceModelFiles folder:
                var config = new ConfigFields(folder.Config, Path.Combine(folder.Path, "config.json"));
                string type = config.Text("model_type") ?? throw config.Missing("model_type");
                family = All.FirstOrDefault(family => family.ModelType == type) ?? throw Unknown($"model_type '{type}'", All.Select(family => family.ModelType), config.Path);
                return (family, family.Read(config));
            default:
                throw new ArgumentException($"Unknown kind of model files: {files.GetType().Name}.", nameof(files));
        }
    }

    private static FineTuneException Unknown(string what, IEnumerable<string> known, string path) => new(
        Codes.UnsupportedArchitecture, $"The model has {what}, which is not supported.", $"Use a model of one of these: {string.Join(", ", known)}.",
        new SourcePosition(path));
}
