using System.Text.Json.Nodes;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Models;

/// <summary>Llama 2 and 3, SmolLM2 and others that declare themselves <c>llama</c>. Touvron et al. 2023; Grattafiori et al. 2024.</summary>
public sealed class LlamaFamily : ModelFamily
{
    public override string ModelType => "llama";

    public override string GgufArchitecture => "llama";

    public override bool GgufInterleavesRotaryRows => true;

    public override DecoderSpec Read(ConfigFields config)
    {
        bool bias = config.Flag("attention_bias", false);
        return SpecReader.Read(config) with { QueryKeyValueBias = bias, OutputBias = bias, MlpBias = config.Flag("mlp_bias", false) };
    }

    public override DecoderSpec Read(GgufFields fields) => SpecReader.Read(fields, ModelType);

    public override string TransformersClass => "LlamaForCausalLM";

    public override bool GgufHoldsBiases => true;

    public override IReadOnlyList<RopeType> GgufRopeTypes => [.. base.GgufRopeTypes, RopeType.Llama3, RopeType.LongRope];

    public override void Write(DecoderSpec spec, JsonObject config)
    {
        config["attention_bias"] = spec.OutputBias;
        config["mlp_bias"] = spec.MlpBias;
    }

    public override void Write(DecoderSpec spec, GgufMetadata metadata)
    {
        metadata.Add("llama.vocab_size", (uint)spec.VocabSize);
        metadata.Add("llama.rope.dimension_count", (uint)spec.RotaryDims);
        if (spec.Rope.RopeType == RopeType.LongRope)
        {
            metadata.Add("llama.rope.scaling.type", "longrope");
            metadata.Add("llama.rope.scaling.original_context_length", (uint)spec.Rope.OriginalMaxPositionEmbeddings);
        }
    }
}
