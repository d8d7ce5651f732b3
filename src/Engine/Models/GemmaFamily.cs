using System.Text.Json.Nodes;

namespace FineTuneTool.Engine.Models;

/// <summary>Gemma 1. Gemma Team 2024.</summary>
public sealed class GemmaFamily : ModelFamily
{
    public override string ModelType => "gemma";

    public override string GgufArchitecture => "gemma";

    public override DecoderSpec Read(ConfigFields config) => GemmaSpec.Read(config, GemmaSpec.Dialect);

    public override DecoderSpec Read(GgufFields fields) => GemmaSpec.Read(fields, ModelType);

    public override string TransformersClass => "GemmaForCausalLM";

    public override bool GgufHoldsHead => false;

    public override void Write(DecoderSpec spec, JsonObject config) => GemmaSpec.Write(spec, config);
}
