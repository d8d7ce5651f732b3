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
        GgufMetadata metadata = WithoutTokenizer(files, decoder, fileType, name);
        GgufTokenizerMetadata.Add(metadata, files, TokenizerFiles.FromFolder(files.Path), decoder.Spec.VocabSize);
        return metadata;
    }

    /// <summary>What says how the model computes.</summary>
    internal static GgufMetadata WithoutTokenizer(HuggingFaceModelFiles files, Decoder decoder, uint fileType, string? name)
    {
        DecoderSpec spec = decoder.Spec;
        ModelFamily family = FamilyOf(spec);
        RequireSayable(family, spec, files);
        string architecture = family.GgufArchitecture!;
        var metadata = new GgufMetadata();
        metadata.Add("general.architecture", architecture);
        metadata.Add("general.type", "model");
        metadata.Add("general.name", SafeName(name ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(files.Path)))));
        metadata.Add("general.size_label", SizeLabel(decoder.Weights.Sum(weight => weight.Shape.Count)));
        metadata.Add($"{architecture}.block_count", (uint)spec.NumHiddenLayers);
        metadata.Add($"{architecture}.context_length", (uint)ContextLength(spec, family));
        metadata.Add($"{architecture}.embedding_length", (uint)spec.HiddenSize);
        metadata.Add($"{architecture}.feed_forward_length", (uint)spec.IntermediateSize);
        metadata.Add($"{architecture}.attention.head_count", (uint)spec.NumAttentionHeads);
        metadata.Add($"{architecture}.attention.head_count_kv", (uint)spec.NumKeyValueHeads);
        AddRope(metadata, architecture, spec);
        metadata.Add($"{architecture}.attention.layer_norm_rms_epsilon", spec.RmsNormEps);
        if (architecture == "llama" || files.Config["head_dim"] is not null || spec.QuerySize != spec.HiddenSize)
        {
            metadata.Add($"{architecture}.attention.key_length", (uint)spec.HeadDim);
            metadata.Add($"{architecture}.attention.value_length", (uint)spec.HeadDim);
        }

        metadata.Add("general.file_type", fileType);
        family.Write(spec, metadata);
        metadata.Add("general.quantization_version", 2u);
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

    /// <summary>Where a family's files state no sliding window, the model is the same without it up to the window's length.</summary>
    private static int ContextLength(DecoderSpec spec, ModelFamily family) => family.GgufHoldsWindows ? spec.MaxPositionEmbeddings
        : spec.SlidingWindows.Where(window => window > 0).Append(spec.MaxPositionEmbeddings).Min();

    private static void AddRope(GgufMetadata metadata, string architecture, DecoderSpec spec)
    {
        RopeParameters rope = spec.Rope;
        metadata.Add($"{architecture}.rope.freq_base", (float)rope.RopeTheta);
        if (rope.RopeType is RopeType.Linear or RopeType.Yarn)
        {
            metadata.Add($"{architecture}.rope.scaling.type", rope.RopeType.ToString().ToLowerInvariant());
            metadata.Add($"{architecture}.rope.scaling.factor", (float)rope.Factor);
        }

        if (rope.RopeType == RopeType.Yarn)
        {
            metadata.Add($"{architecture}.rope.scaling.original_context_length", (uint)rope.OriginalMaxPositionEmbeddings);
            if (rope.AttentionFactor is { } factor)
            {
                metadata.Add($"{architecture}.rope.scaling.attn_factor", (float)(factor / RotaryFrequencies.YarnMagnitude(rope.Factor)));
            }
        }

        if (rope.RopeType == RopeType.LongRope)
        {
            metadata.Add($"{architecture}.rope.scaling.attn_factor", (float)(rope.AttentionFactor ?? RotaryFrequencies.LongRopeMagnitude(rope)));
        }
    }

    /// <summary>Raises <see cref="Codes.UnsupportedArchitecture"/> for what the family's files cannot say, so that no file computes something else.</summary>
    private static void RequireSayable(ModelFamily family, DecoderSpec spec, HuggingFaceModelFiles files)
    {
        RopeParameters rope = spec.Rope;
        bool ropeFits = family.GgufRopeTypes.Contains(rope.RopeType)
            && (rope.RopeType != RopeType.Yarn || rope is { Truncate: true, BetaFast: 32, BetaSlow: 1 });
        string? problem = !ropeFits ? $"the rotary scaling '{rope.RopeType.ToString().ToLowerInvariant()}' with its options"
            : !family.GgufHoldsBiases && (spec.QueryKeyValueBias || spec.OutputBias || spec.MlpBias) ? "biases"
            : family.MissingInGguf(spec);
        if (problem is not null)
        {
            throw Unsayable(family, problem, Path.Combine(files.Path, "config.json"));
        }
    }

    internal static FineTuneException Unsayable(ModelFamily family, string problem, string path) => new(
        Codes.UnsupportedArchitecture, $"The model has {problem}, which GGUF files of '{family.GgufArchitecture}' cannot state.",
        "Export the merged folder instead.", new SourcePosition(path));
}
