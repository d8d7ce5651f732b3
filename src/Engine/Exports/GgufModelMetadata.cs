using System.Globalization;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Exports;

/// <summary>Makes the metadata of a GGUF file from a Hugging Face folder: the keys and the order of llama.cpp's converter.</summary>
internal static class GgufModelMetadata
{
    public static GgufMetadata Make(HuggingFaceModelFiles files, Decoder decoder, uint fileType, string? name)
    {
        DecoderSpec spec = decoder.Spec;
        string architecture = FamilyOf(spec).GgufArchitecture!;
        bool llama = architecture == "llama";
        var metadata = new GgufMetadata();
        metadata.Add("general.architecture", architecture);
        metadata.Add("general.type", "model");
        metadata.Add("general.name", SafeName(name ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(files.Path)))));
        metadata.Add("general.size_label", SizeLabel(decoder.Weights.Sum(weight => weight.Shape.Count)));
        metadata.Add($"{architecture}.block_count", (uint)spec.NumHiddenLayers);
        metadata.Add($"{architecture}.context_length", (uint)ContextLength(spec));
        metadata.Add($"{architecture}.embedding_length", (uint)spec.HiddenSize);
        metadata.Add($"{architecture}.feed_forward_length", (uint)spec.IntermediateSize);
        metadata.Add($"{architecture}.attention.head_count", (uint)spec.NumAttentionHeads);
        metadata.Add($"{architecture}.attention.head_count_kv", (uint)spec.NumKeyValueHeads);
        AddRope(metadata, architecture, files, spec);
        metadata.Add($"{architecture}.attention.layer_norm_rms_epsilon", spec.RmsNormEps);
        if (llama || spec.QuerySize != spec.HiddenSize)
        {
            metadata.Add($"{architecture}.attention.key_length", (uint)spec.HeadDim);
            metadata.Add($"{architecture}.attention.value_length", (uint)spec.HeadDim);
        }

        metadata.Add("general.file_type", fileType);
        if (llama)
        {
            metadata.Add("llama.vocab_size", (uint)spec.VocabSize);
            metadata.Add("llama.rope.dimension_count", (uint)spec.HeadDim);
        }

        metadata.Add("general.quantization_version", 2u);
        GgufTokenizerMetadata.Add(metadata, files, TokenizerFiles.FromFolder(files.Path), spec.VocabSize);
        return metadata;
    }

    /// <summary>The family whose GGUF files hold such a model: its own, or llama's for those that are llama with other names.</summary>
    public static ModelFamily FamilyOf(DecoderSpec spec)
    {
        string architecture = ModelFamilies.All.First(family => family.ModelType == spec.ModelType).GgufArchitecture ?? "llama";
        return ModelFamilies.All.First(family => family.GgufArchitecture == architecture);
    }

    /// <summary>llama.cpp takes a model with phi3 in its name for one, and then asks for its tokens.</summary>
    internal static string SafeName(string name) => name
        .Replace("phi-3", "phi 3", StringComparison.OrdinalIgnoreCase).Replace("phi3", "phi 3", StringComparison.OrdinalIgnoreCase);

    /// <summary>Parameters with two digits, or all before the point, and a unit: 153K, 1.6M, 135M, 8.0B.</summary>
    internal static string SizeLabel(long parameters)
    {
        (double scaled, string unit) = parameters switch
        {
            >= 1_000_000_000_000 => (parameters / 1e12, "T"),
            >= 1_000_000_000 => (parameters / 1e9, "B"),
            >= 1_000_000 => (parameters / 1e6, "M"),
            _ => (parameters / 1e3, "K"),
        };
        int digits = Math.Max(0, 2 - Math.Round(scaled).ToString(CultureInfo.InvariantCulture).TrimStart('0').Length);
        return scaled.ToString($"F{digits}", CultureInfo.InvariantCulture) + unit;
    }

    /// <summary>GGUF's llama and qwen2 know no sliding window; up to its length the model is the same without it.</summary>
    private static int ContextLength(DecoderSpec spec) =>
        spec.SlidingWindows.Where(window => window > 0).Append(spec.MaxPositionEmbeddings).Min();

    private static void AddRope(GgufMetadata metadata, string architecture, HuggingFaceModelFiles files, DecoderSpec spec)
    {
        RopeParameters rope = spec.Rope;
        metadata.Add($"{architecture}.rope.freq_base", (float)rope.RopeTheta);
        switch (rope.RopeType)
        {
            case RopeType.Linear:
                metadata.Add($"{architecture}.rope.scaling.type", "linear");
                metadata.Add($"{architecture}.rope.scaling.factor", (float)rope.Factor);
                break;
            case RopeType.Yarn when rope is { AttentionFactor: null, Truncate: true, BetaFast: 32, BetaSlow: 1 }:
                metadata.Add($"{architecture}.rope.scaling.type", "yarn");
                metadata.Add($"{architecture}.rope.scaling.factor", (float)rope.Factor);
                metadata.Add($"{architecture}.rope.scaling.original_context_length", (uint)rope.OriginalMaxPositionEmbeddings);
                break;
            case RopeType.Yarn or RopeType.Dynamic:
                throw new FineTuneException(
                    Codes.UnsupportedArchitecture, $"The rotary scaling '{rope.RopeType.ToString().ToLowerInvariant()}' of the model cannot be written as GGUF.",
                    "Export the merged folder instead.", new SourcePosition(Path.Combine(files.Path, "config.json")));
        }
    }
}
