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
}
