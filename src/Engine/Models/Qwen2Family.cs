using System.Text.Json.Nodes;

namespace FineTuneTool.Engine.Models;

/// <summary>Qwen2 and Qwen2.5: biases on query, key and value; a sliding window on the upper layers only where it is switched on. Yang et al. 2024.</summary>
public sealed class Qwen2Family : ModelFamily
{
    public override string ModelType => "qwen2";

    public override string GgufArchitecture => "qwen2";

    public override DecoderSpec Read(ConfigFields config)
    {
        DecoderSpec spec = SpecReader.Read(config);
        return spec with { QueryKeyValueBias = true, SlidingWindows = SpecReader.UpperWindows(config, spec) };
    }

    public override DecoderSpec Read(GgufFields fields) => SpecReader.Read(fields, ModelType);

    public override string TransformersClass => "Qwen2ForCausalLM";

    public override bool GgufHoldsBiases => true;

    public override void Write(DecoderSpec spec, JsonObject config) => config["use_sliding_window"] = false;
}
