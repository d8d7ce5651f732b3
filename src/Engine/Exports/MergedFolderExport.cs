using System.Text.Json.Nodes;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Exports;

/// <summary>
/// Writes a model, with or without an adapter merged into it, as a Hugging Face folder: weights, config.json, tokenizer, generation_config.json.
/// The sum of base and adapter is rounded once. The folder appears complete or not at all.
/// </summary>
public static class MergedFolderExport
{
    /// <summary>Space for everything that is not a weight.</summary>
    private const long Companions = 64 << 20;

    /// <summary>
    /// Writes or replaces the folder. Raises <see cref="Codes.NotEnoughDisk"/> before anything is written, <see cref="Codes.UnsupportedArchitecture"/>
    /// or <see cref="Codes.UnsupportedTokenizer"/> where a GGUF base has no equal in Hugging Face's form, and <see cref="Codes.FileUnwritable"/>.
    /// </summary>
    /// <param name="files">The files that <paramref name="decoder"/> was loaded from.</param>
    /// <param name="adapter">An adapter of that decoder, or null for the base model.</param>
    public static void Write(string folder, ModelFiles files, Decoder decoder, Adapter? adapter, MergedFolderSettings settings)
    {
        string dtype = HuggingFaceConfig.DType(settings.Type);
        TensorSource[] tensors = [.. AdapterMerge.Weights(decoder, adapter).Select(weight => weight.ToSource(settings.Type))];
        DiskSpace.Require(folder, tensors.Sum(tensor => tensor.Bytes) + Companions);
        if (files is GgufModelFiles gguf)
        {
            Tokenizer tokenizer = TokenizerFiles.FromGguf(gguf.Metadata);
            JsonObject config = HuggingFaceConfig.Make(decoder.Spec, tokenizer, dtype, AdapterMerge.Unties(decoder, adapter), gguf.Path);
            AtomicFolder.Write(folder, path =>
            {
                Json(path, "config.json", config);
                Json(path, "generation_config.json", HuggingFaceConfig.Generation(tokenizer));
                Json(path, "tokenizer_config.json", HuggingFaceTokenizerConfig.Make(tokenizer, decoder.Spec.MaxPositionEmbeddings));
                AtomicFile.Write(Path.Combine(path, "tokenizer.json"), stream => stream.Write(tokenizer.Definition.Span));
                Apply(path, config, settings);
                SafetensorsWriter.WriteModel(path, tensors, settings.MaxShardBytes);
            });
            return;
        }

        var source = (HuggingFaceModelFiles)files;
        AtomicFolder.Write(folder, path =>
        {
            Json(path, "config.json", HuggingFaceConfig.WithDType(source.Config, dtype, AdapterMerge.Unties(decoder, adapter)));
            foreach (string companion in source.CompanionFiles.Where(file => Path.GetFileName(file) != "config.json"))
            {
                File.Copy(companion, Path.Combine(path, Path.GetFileName(companion)));
            }

            Apply(path, source.Config, settings);
            SafetensorsWriter.WriteModel(path, tensors, settings.MaxShardBytes);
        });
    }

    private static void Apply(string folder, JsonObject config, MergedFolderSettings settings)
    {
        if (settings.Format is { } format)
        {
            AnswerFiles.Apply(folder, config, format);
        }
    }

    private static void Json(string folder, string name, JsonObject content) =>
        AtomicFile.WriteText(Path.Combine(folder, name), PythonJson.Write(content, ascii: false) + "\n");
}
