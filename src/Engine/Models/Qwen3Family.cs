using System.Text.Json.Nodes;

namespace FineTuneTool.Engine.Models;

/// <summary>Qwen3 without experts: norms on the heads of queries and keys, and a head size of its own. Yang et al. 2025.</summary>
public sealed class Qwen3Family : ModelFamily
{
    private static readonly ConfigDialect Dialect = new() { HeadDim = 128 };

    public override string ModelType => "qwen3";

    public override string GgufArchitecture => "qwen3";

    public override DecoderSpec Read(ConfigFields config)
    {
        DecoderSpec spec = SpecReader.Read(config, Dialect);
        bool bias = config.Flag("attention_bias", false);
        return spec with { QueryKeyNorm = true, QueryKeyValueBias = bias, OutputBias = bias, SlidingWindows = SpecReader.UpperWindows(config, spec) };
    }

    public override DecoderSpec Read(GgufFields fields) => SpecReader.Read(fields, ModelType) with { QueryKeyNorm = true };

    public override string TransformersClass => "Qwen3ForCausalLM";

    public override void Write(DecoderSpec spec, JsonObject config)
    {
        config["attention_bias"] = spec.OutputBias;
        config["use_sliding_window"] = false;
    }
}
