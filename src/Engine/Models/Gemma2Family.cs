namespace FineTuneTool.Engine.Models;

/// <summary>Gemma 2: four norms a layer, soft caps, a sliding window on every second layer from the first on. Gemma Team 2024.</summary>
public sealed class Gemma2Family : ModelFamily
{
    /// <summary>Layers of the 27B model.</summary>
    private const int LargestLayers = 46;
    private const int Window = 4096;

    public override string ModelType => "gemma2";

    public override string GgufArchitecture => "gemma2";

    public override DecoderSpec Read(ConfigFields config)
    {
        DecoderSpec spec = GemmaSpec.Read(config, GemmaSpec.Dialect);
        return spec with
        {
            PostNorms = true,
            QueryPreAttnScalar = config.Positive("query_pre_attn_scalar", 256),
            AttentionSoftCap = GemmaSpec.SoftCap(config, "attn_logit_softcapping"),
            FinalSoftCap = GemmaSpec.SoftCap(config, "final_logit_softcapping"),
            SlidingWindows = SpecReader.Windows(config, spec, Slides, Window),
        };
    }

    public override DecoderSpec Read(GgufFields fields)
    {
        DecoderSpec spec = GemmaSpec.Read(fields, ModelType, "attention.sliding_window", "attn_logit_softcapping", "final_logit_softcapping");
        return spec with
        {
            PostNorms = true,
            QueryPreAttnScalar = GemmaSpec.GgufQueryPreAttnScalar(spec, LargestLayers),
            AttentionSoftCap = (float)fields.Positive("attn_logit_softcapping", 50),
            FinalSoftCap = (float)fields.Positive("final_logit_softcapping", 30),
            SlidingWindows = SpecReader.Windows(fields, spec, Slides, Window),
        };
    }

    private static bool Slides(int layer) => layer % 2 == 0;
}
