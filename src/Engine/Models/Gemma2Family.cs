using System.Text.Json.Nodes;
using FineTuneTool.Engine.Formats;

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

    public override string TransformersClass => "Gemma2ForCausalLM";

    public override bool GgufHoldsHead => false;

    public override bool GgufHoldsWindows => true;

    public override void Write(DecoderSpec spec, JsonObject config)
    {
        GemmaSpec.Write(spec, config);
        GemmaSpec.WriteLayers(spec, config);
        config["attn_logit_softcapping"] = GemmaSpec.CapOrNull(spec.AttentionSoftCap);
        config["final_logit_softcapping"] = GemmaSpec.CapOrNull(spec.FinalSoftCap);
    }

    public override void Write(DecoderSpec spec, GgufMetadata metadata)
    {
        metadata.Add("gemma2.attn_logit_softcapping", spec.AttentionSoftCap);
        metadata.Add("gemma2.final_logit_softcapping", spec.FinalSoftCap);
        metadata.Add("gemma2.attention.sliding_window", (uint)spec.SlidingWindows.Max());
    }

    public override string? MissingInGguf(DecoderSpec spec) =>
        spec.QueryPreAttnScalar != GemmaSpec.GgufQueryPreAttnScalar(spec, LargestLayers) ? "a query_pre_attn_scalar of its own" :
        spec.AttentionSoftCap == 0 || spec.FinalSoftCap == 0 ? "no soft cap" :
        GemmaSpec.WindowsFollow(spec, Slides) ? null : "another order of layers with a sliding window";
}
