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
}
