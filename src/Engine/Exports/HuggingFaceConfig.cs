using System.Globalization;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Exports;

/// <summary>Makes config.json and generation_config.json, in the key style that old and new versions of transformers read.</summary>
internal static class HuggingFaceConfig
{
    /// <summary>The name of a storage in config.json. Types other than F32, F16 and BF16 throw <see cref="ArgumentException"/>.</summary>
    public static string DType(ElementType type) => type switch
    {
        ElementType.F32 => "float32",
        ElementType.F16 => "float16",
        ElementType.BF16 => "bfloat16",
        _ => throw new ArgumentException($"A merged folder holds F32, F16 or BF16, not {type}.", nameof(type)),
    };

    /// <summary>A copy of a model's own configuration that names the storage of the new weights.</summary>
    /// <param name="unties">The new weights have a head of their own.</param>
    public static JsonObject WithDType(JsonObject config, string dtype, bool unties)
    {
        var copy = (JsonObject)config.DeepClone();
        copy.Remove("quantization_config");
        copy[copy.ContainsKey("dtype") ? "dtype" : "torch_dtype"] = dtype;
        if (unties)
        {
            copy["tie_word_embeddings"] = false;
        }

        return copy;
    }

    /// <summary>The configuration of a model that has none, such as one from a GGUF file.</summary>
    /// <param name="path">The file that messages name.</param>
    public static JsonObject Make(DecoderSpec spec, Tokenizer tokenizer, string dtype, bool unties, string path)
    {
        ModelFamily family = ModelFamilies.All.First(family => family.ModelType == spec.ModelType);
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray(family.TransformersClass),
            ["attention_dropout"] = 0.0,
            ["bos_token_id"] = tokenizer.Special.BosToken?.Id,
            ["eos_token_id"] = tokenizer.Special.EosToken?.Id,
            ["hidden_act"] = spec.HiddenAct == Activation.Silu ? "silu" : "gelu_pytorch_tanh",
            ["hidden_size"] = spec.HiddenSize,
            ["initializer_range"] = 0.02,
            ["intermediate_size"] = spec.IntermediateSize,
            ["max_position_embeddings"] = spec.MaxPositionEmbeddings,
            ["model_type"] = spec.ModelType,
            ["num_attention_heads"] = spec.NumAttentionHeads,
            ["num_hidden_layers"] = spec.NumHiddenLayers,
            ["num_key_value_heads"] = spec.NumKeyValueHeads,
            ["head_dim"] = spec.HeadDim,
            ["pad_token_id"] = tokenizer.Special.PadToken?.Id,
            ["rms_norm_eps"] = Shortest(spec.RmsNormEps),
            ["original_max_position_embeddings"] = spec.Rope.RopeType == RopeType.LongRope ? spec.Rope.OriginalMaxPositionEmbeddings : null,
            ["rope_theta"] = Shortest((float)spec.Rope.RopeTheta),
            ["rope_scaling"] = RopeScaling(spec, path),
            ["tie_word_embeddings"] = spec.TieWordEmbeddings && !unties,
            ["torch_dtype"] = dtype,
            ["use_cache"] = true,
            ["vocab_size"] = spec.VocabSize,
        };
        if (spec.Rope.RopeType != RopeType.LongRope)
        {
            config.Remove("original_max_position_embeddings");
        }

        family.Write(spec, config);
        DecoderSpec meant = spec with { TieWordEmbeddings = spec.TieWordEmbeddings && !unties };
        return SpecDifference.Between(meant, family.Read(new ConfigFields(config, path))) is { } what ? throw Unsupported(what, path) : config;
    }

    /// <summary>How to generate: where answers begin and end.</summary>
    public static JsonObject Generation(Tokenizer tokenizer) => new()
    {
        ["_from_model_config"] = true,
        ["bos_token_id"] = tokenizer.Special.BosToken?.Id,
        ["eos_token_id"] = tokenizer.EndOfGenerationIds.Count == 1 ? tokenizer.EndOfGenerationIds[0]
            : new JsonArray([.. tokenizer.EndOfGenerationIds.Select(id => JsonValue.Create(id))]),
        ["pad_token_id"] = tokenizer.Special.PadToken?.Id,
    };

    private static JsonObject? RopeScaling(DecoderSpec spec, string path)
    {
        RopeParameters rope = spec.Rope;
        if (rope.Divisors is not null)
        {
            rope = RopeDivisors.ToLlama3(rope, spec.RotaryDims) ?? throw Unsupported("rotary frequencies that no scaling of Hugging Face gives", path);
        }

        var options = new JsonObject { ["rope_type"] = rope.RopeType.ToString().ToLowerInvariant() };
        switch (rope.RopeType)
        {
            case RopeType.Default:
                return null;
            case RopeType.Linear:
                options["factor"] = Shortest((float)rope.Factor);
                break;
            case RopeType.Llama3:
                options["factor"] = rope.Factor;
                options["high_freq_factor"] = rope.HighFreqFactor;
                options["low_freq_factor"] = rope.LowFreqFactor;
                options["original_max_position_embeddings"] = rope.OriginalMaxPositionEmbeddings;
                break;
            case RopeType.Yarn:
                options["factor"] = Shortest((float)rope.Factor);
                options["beta_fast"] = Shortest((float)rope.BetaFast);
                options["beta_slow"] = Shortest((float)rope.BetaSlow);
                options["original_max_position_embeddings"] = rope.OriginalMaxPositionEmbeddings;
                break;
            case RopeType.LongRope:
                options["long_factor"] = Numbers(rope.LongFactor!);
                options["short_factor"] = Numbers(rope.ShortFactor!);
                break;
        }

        if (rope.AttentionFactor is { } factor)
        {
            options["attention_factor"] = factor;
        }

        return options;
    }

    private static JsonArray Numbers(IEnumerable<float> values) => new([.. values.Select(value => JsonValue.Create(Shortest(value)))]);

    /// <summary>GGUF holds these numbers as F32: the decimal that was meant, such as 1e-05, not the digits of its F32.</summary>
    private static double Shortest(float value) => double.Parse(value.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static FineTuneException Unsupported(string what, string path) => new(
        Codes.UnsupportedArchitecture, $"The model has {what}; a Hugging Face folder cannot say that.", "Export it as GGUF instead.", new SourcePosition(path));
}
