using System.Text.Json.Nodes;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// The text model of Gemma 3: four norms a layer, norms on the heads of queries and keys, and for each layer that sees everything several with a sliding
/// window and a rotary embedding of their own. Gemma Team 2025.
/// </summary>
public sealed class Gemma3Family : ModelFamily
{
    /// <summary>Layers of the 27B model.</summary>
    private const int LargestLayers = 62;
    private const int Window = 4096, Pattern = 6;

    public override string ModelType => "gemma3_text";

    public override string GgufArchitecture => "gemma3";

    public override DecoderSpec Read(ConfigFields config)
    {
        if (config.Has("attn_logit_softcapping"))
        {
            throw config.Unsupported("attn_logit_softcapping");
        }

        DecoderSpec spec = GemmaSpec.Read(config, GemmaSpec.LayeredDialect);
        int pattern = config.Count(config.Has("_sliding_window_pattern") ? "_sliding_window_pattern" : "sliding_window_pattern", Pattern);
        return spec with
        {
            QueryKeyNorm = true,
            PostNorms = true,
            QueryPreAttnScalar = config.Positive("query_pre_attn_scalar", 256),
            FinalSoftCap = GemmaSpec.SoftCap(config, "final_logit_softcapping"),
            SlidingWindows = SpecReader.Windows(config, spec, layer => Slides(layer, pattern), Window),
            LocalRope = RopeReader.ReadLocal(config, GemmaSpec.LayeredDialect, spec.RotaryDims),
        };
    }

    public override DecoderSpec Read(GgufFields fields)
    {
        DecoderSpec spec = GemmaSpec.Read(fields, ModelType, "attention.sliding_window", "attention.sliding_window_pattern", "final_logit_softcapping");
        int pattern = fields.Count("attention.sliding_window_pattern", Pattern);
        return spec with
        {
            QueryKeyNorm = true,
            PostNorms = true,
            QueryPreAttnScalar = GemmaSpec.GgufQueryPreAttnScalar(spec, LargestLayers),
            FinalSoftCap = fields.Has("final_logit_softcapping") ? (float)fields.Positive("final_logit_softcapping") : 0,
            SlidingWindows = SpecReader.Windows(fields, spec, layer => Slides(layer, pattern)),
            LocalRope = new RopeParameters { RopeTheta = fields.Positive("rope.freq_base_swa", 10000) },
        };
    }

    private static bool Slides(int layer, int pattern) => (layer + 1) % pattern != 0;

    public override string TransformersClass => "Gemma3ForCausalLM";

    public override bool GgufHoldsWindows => true;

    public override void Write(DecoderSpec spec, JsonObject config)
    {
        GemmaSpec.Write(spec, config);
        GemmaSpec.WriteLayers(spec, config);
        config["final_logit_softcapping"] = GemmaSpec.CapOrNull(spec.FinalSoftCap);
        config["rope_local_base_freq"] = spec.LocalRope!.RopeTheta;
    }

    public override void Write(DecoderSpec spec, GgufMetadata metadata)
    {
        metadata.Add("gemma3.rope.freq_base_swa", (float)spec.LocalRope!.RopeTheta);
        metadata.Add("gemma3.attention.sliding_window", (uint)spec.SlidingWindows.Max());
        if (PatternOf(spec) is { } pattern && pattern != Pattern)
        {
            metadata.Add("gemma3.attention.sliding_window_pattern", (uint)pattern);
        }

        if (spec.FinalSoftCap > 0)
        {
            metadata.Add("gemma3.final_logit_softcapping", spec.FinalSoftCap);
        }
    }

    public override string? MissingInGguf(DecoderSpec spec) =>
        spec.QueryPreAttnScalar != GemmaSpec.GgufQueryPreAttnScalar(spec, LargestLayers) ? "a query_pre_attn_scalar of its own" :
        spec.LocalRope is { RopeType: not RopeType.Default } ? "a rotary scaling on its layers with a sliding window" :
        PatternOf(spec) is null ? "layers with a sliding window in no regular order" : null;

    /// <summary>The period of layers that see everything, Gemma 3's own first; null where there is none.</summary>
    private static int? PatternOf(DecoderSpec spec) => Enumerable.Range(1, spec.NumHiddenLayers + 1).Prepend(Pattern)
        .Where(pattern => GemmaSpec.WindowsFollow(spec, layer => Slides(layer, pattern))).Select(pattern => (int?)pattern).FirstOrDefault();
}
