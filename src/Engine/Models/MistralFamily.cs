namespace FineTuneTool.Engine.Models;

/// <summary>Mistral 7B and its successors of the same architecture: llama with a sliding window on every layer. Jiang et al. 2023.</summary>
public sealed class MistralFamily : ModelFamily
{
    public override string ModelType => "mistral";

    /// <summary>Converters write the architecture <c>llama</c>.</summary>
    public override string? GgufArchitecture => null;

    public override DecoderSpec Read(ConfigFields config)
    {
        DecoderSpec spec = SpecReader.Read(config);
        return spec with { SlidingWindows = SpecReader.Windows(config, spec, slides: _ => true) };
    }

    public override string TransformersClass => "MistralForCausalLM";
}
