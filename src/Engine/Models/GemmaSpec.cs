using System.Text.Json.Nodes;
using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>What the Gemma families share: norms whose weights are stored as their difference from one, scaled embeddings, GeGLU, a tied head.</summary>
internal static class GemmaSpec
{
    private static readonly ConfigDialect First = new()
    {
        HeadDim = 256,
        TieWordEmbeddings = true,
        HiddenAct = Activation.GeluTanh,

        // What the oldest files call gelu is the approximation by tanh, too.
        HiddenActNames = new Dictionary<string, string[]> { ["hidden_activation"] = ["gelu_pytorch_tanh"], ["hidden_act"] = ["gelu", "gelu_pytorch_tanh"] },
    };

    /// <summary>Of Gemma 1 and 2.</summary>
    public static ConfigDialect Dialect => First;

    /// <summary>Of Gemma 3.</summary>
    public static ConfigDialect LayeredDialect { get; } = First with { RopeTheta = 1e6, RopeByLayerType = true };

    public static DecoderSpec Read(ConfigFields config, ConfigDialect dialect)
    {
        if (config.Has("use_bidirectional_attention") && config.Flag("use_bidirectional_attention", false))
        {
            throw config.Unsupported("use_bidirectional_attention");
        }

        bool bias = config.Flag("attention_bias", false);
        return WithSharedParts(SpecReader.Read(config, dialect)) with { QueryKeyValueBias = bias, OutputBias = bias };
    }

    public static DecoderSpec Read(GgufFields fields, string modelType, params string[] known) =>
        WithSharedParts(SpecReader.Read(fields, modelType, known)) with { HiddenAct = Activation.GeluTanh };

    /// <summary>A soft cap, 0 where there is none.</summary>
    public static float SoftCap(ConfigFields config, string key, double? fallback = null) =>
        config.Has(key) || fallback is not null ? (float)config.Positive(key, fallback) : 0;

    /// <summary>
    /// What llama.cpp divides dot products by, which GGUF has no key for: the head size, but in the largest model of a family, known by its layers,
    /// hidden size / heads.
    /// </summary>
    public static double GgufQueryPreAttnScalar(DecoderSpec spec, int largestLayers) =>
        spec.NumHiddenLayers == largestLayers ? spec.HiddenSize / spec.NumAttentionHeads : spec.HeadDim;

    /// <summary>The fields of config.json that all three families have.</summary>
    public static void Write(DecoderSpec spec, JsonObject config)
    {
        config["hidden_activation"] = "gelu_pytorch_tanh";
        config["attention_bias"] = spec.OutputBias;
    }

    /// <summary>Those of Gemma 2 and 3.</summary>
    public static void WriteLayers(DecoderSpec spec, JsonObject config)
    {
        config["query_pre_attn_scalar"] = spec.QueryPreAttnScalar;
        int[] windows = [.. Enumerable.Range(0, spec.NumHiddenLayers).Select(spec.WindowOf)];
        config["sliding_window"] = windows.Max() is var window and > 0 ? window : null;
        config["layer_types"] = new JsonArray([.. windows.Select(each => JsonValue.Create(each > 0 ? "sliding_attention" : "full_attention"))]);
    }

    public static double? CapOrNull(float cap) => cap > 0 ? cap : null;

    /// <summary>One window on the layers that slide, none on the others.</summary>
    public static bool WindowsFollow(DecoderSpec spec, Func<int, bool> slides) =>
        spec.SlidingWindows.Count > 0 && spec.SlidingWindows.Max() is var window && !spec.SlidingWindows.Where((each, layer) => each != (slides(layer) ? window : 0)).Any();

    private static DecoderSpec WithSharedParts(DecoderSpec spec) => spec with { RmsNormOffset = 1, EmbeddingScale = MathF.Sqrt(spec.HiddenSize) };
}
