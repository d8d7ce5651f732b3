using System.Text.Json.Nodes;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// Phi-3, Phi-3.5 and Phi-4 without experts or images: fused projections, a sliding window on every layer where there is one, longrope, and in the small
/// Phi-4 a rotary embedding of only some dims. Abdin et al. 2024.
/// </summary>
public sealed class Phi3Family : ModelFamily
{
    private static readonly ConfigDialect Dialect = new() { RmsNormEps = 1e-5, PartialRotary = true, LongRopeNames = ["su", "yarn"] };

    public override string ModelType => "phi3";

    public override string GgufArchitecture => "phi3";

    public override DecoderSpec Read(ConfigFields config)
    {
        config.Require("embd_pdrop", 0);
        config.Require("resid_pdrop", 0);
        DecoderSpec spec = SpecReader.Read(config, Dialect);
        return spec with { FusedProjections = true, SlidingWindows = SpecReader.Windows(config, spec, slides: _ => true) };
    }

    public override DecoderSpec Read(GgufFields fields)
    {
        DecoderSpec spec = SpecReader.Read(fields, ModelType, "rope.dimension_count", "attention.sliding_window");
        return spec with { FusedProjections = true, SlidingWindows = SpecReader.Windows(fields, spec, slides: _ => true) };
    }

    public override string TransformersClass => "Phi3ForCausalLM";

    public override bool GgufHoldsWindows => true;

    public override IReadOnlyList<RopeType> GgufRopeTypes => [.. base.GgufRopeTypes, RopeType.LongRope];

    public override void Write(DecoderSpec spec, JsonObject config)
    {
        config["embd_pdrop"] = 0.0;
        config["resid_pdrop"] = 0.0;
        config["original_max_position_embeddings"] = Original(spec);
        config["partial_rotary_factor"] = (double)spec.RotaryDims / spec.HeadDim;
        config["sliding_window"] = spec.WindowOf(0) > 0 ? spec.WindowOf(0) : null;
    }

    public override void Write(DecoderSpec spec, GgufMetadata metadata)
    {
        metadata.Add("phi3.rope.dimension_count", (uint)spec.RotaryDims);
        metadata.Add("phi3.attention.sliding_window", (uint)spec.WindowOf(0));
        metadata.Add("phi3.rope.scaling.original_context_length", (uint)Original(spec));
    }

    public override string? MissingInGguf(DecoderSpec spec) =>
        spec.SlidingWindows.Distinct().Count() > 1 ? "a sliding window on some of its layers only" : null;

    private static int Original(DecoderSpec spec) =>
        spec.Rope.OriginalMaxPositionEmbeddings > 0 ? spec.Rope.OriginalMaxPositionEmbeddings : spec.MaxPositionEmbeddings;
}
