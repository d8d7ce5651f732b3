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
}
