namespace FineTuneTool.Engine.Models;

/// <summary>Qwen2 and Qwen2.5: biases on query, key and value; a sliding window on the upper layers only where it is switched on. Yang et al. 2024.</summary>
public sealed class Qwen2Family : ModelFamily
{
    public override string ModelType => "qwen2";

    public override string GgufArchitecture => "qwen2";

    public override DecoderSpec Read(ConfigFields config)
    {
        DecoderSpec spec = SpecReader.Read(config) with { QueryKeyValueBias = true };
        if (!config.Flag("use_sliding_window", false))
        {
            return spec;
        }

        int first = (int)config.Number("max_window_layers", 28);
        return spec with { SlidingWindows = SpecReader.Windows(config, spec, slides: layer => layer >= first) };
    }

    public override DecoderSpec Read(GgufFields fields) => SpecReader.Read(fields, ModelType);
}
