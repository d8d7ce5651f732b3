using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>What the families have in common: the fields that they share, read and checked. A family adds the rest with <c>with</c>.</summary>
internal static class SpecReader
{
    /// <summary>Layers and heads above this are no model, and are not looped over.</summary>
    private const int MostLayers = 4096;

    /// <summary>Reads config.json. Options that several families know and that change the maths are refused by name.</summary>
    public static DecoderSpec Read(ConfigFields config)
    {
        if (config.Texts("architectures") is { Count: > 0 } names && !names.Any(name => name.EndsWith("ForCausalLM", StringComparison.Ordinal)))
        {
            throw config.Unsupported("architectures");
        }

        if (config.Has("quantization_config"))
        {
            throw config.Unsupported("quantization_config");
        }

        config.Require("attention_dropout", 0);
        int heads = config.Count("num_attention_heads", most: MostLayers), hidden = config.Count("hidden_size", most: 1 << 20);
        var spec = new DecoderSpec
        {
            ModelType = config.Text("model_type")!,
            VocabSize = config.Count("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = config.Count("intermediate_size"),
            NumHiddenLayers = config.Count("num_hidden_layers", most: MostLayers),
            NumAttentionHeads = heads,
            NumKeyValueHeads = config.Count("num_key_value_heads", heads, heads),
            HeadDim = config.Count("head_dim", Math.Max(1, hidden / heads), 1 << 12),
            MaxPositionEmbeddings = config.Count("max_position_embeddings", 2048, int.MaxValue),
            RmsNormEps = (float)config.Positive("rms_norm_eps", 1e-6),
            HiddenAct = config.Text("hidden_act") is null or "silu" ? Activation.Silu : throw config.Unsupported("hidden_act"),
            TieWordEmbeddings = config.Flag("tie_word_embeddings", false),
            Rope = RopeReader.Read(config),
        };
        return Check(spec) is { } problem ? throw config.Bad(problem.Config, problem.Expected) : spec;
    }

    /// <summary>Reads GGUF metadata; the vocabulary is that of the embedding tensor, and the head is tied where there is no <c>output.weight</c>.</summary>
    public static DecoderSpec Read(GgufFields fields, string modelType)
    {
        foreach (string key in new[] { "expert_count", "attention.sliding_window", "attention.max_alibi_bias", "attention.clamp_kqv", "attn_logit_softcapping", "final_logit_softcapping" })
        {
            fields.Require(key, 0);
        }

        foreach (string key in new[] { "logit_scale", "residual_scale", "embedding_scale" })
        {
            fields.Require(key, 1);
        }

        int heads = fields.Count("attention.head_count", most: MostLayers), hidden = fields.Count("embedding_length", most: 1 << 20);
        int headDim = fields.Count("attention.key_length", Math.Max(1, hidden / heads), 1 << 12);
        fields.Require("attention.value_length", headDim);
        fields.Require("rope.dimension_count", headDim);
        var spec = new DecoderSpec
        {
            ModelType = modelType,
            VocabSize = (int)Math.Clamp(fields.Tensors.Find("token_embd.weight")?.Shape is { Rank: 2 } shape ? shape[0] : 1, 1, 1 << 24),
            HiddenSize = hidden,
            IntermediateSize = fields.Count("feed_forward_length"),
            NumHiddenLayers = fields.Count("block_count", most: MostLayers),
            NumAttentionHeads = heads,
            NumKeyValueHeads = fields.Count("attention.head_count_kv", heads, heads),
            HeadDim = headDim,
            MaxPositionEmbeddings = fields.Count("context_length", 2048, int.MaxValue),
            RmsNormEps = (float)fields.Positive("attention.layer_norm_rms_epsilon"),
            TieWordEmbeddings = fields.Tensors.Find("output.weight") is null,
            QueryKeyValueBias = fields.Tensors.Find("blk.0.attn_q.bias") is not null,
            OutputBias = fields.Tensors.Find("blk.0.attn_output.bias") is not null,
            MlpBias = fields.Tensors.Find("blk.0.ffn_gate.bias") is not null,
            Rope = RopeReader.Read(fields, headDim),
        };
        return Check(spec) is { } problem ? throw fields.Bad(problem.Gguf, problem.Expected) : spec;
    }

    /// <summary>
    /// Sliding windows of the layers: <c>layer_types</c> where the file has it, else <paramref name="slides"/>. No window where <c>sliding_window</c> is absent.
    /// </summary>
    public static IReadOnlyList<int> Windows(ConfigFields config, DecoderSpec spec, Func<int, bool> slides)
    {
        if (!config.Has("sliding_window"))
        {
            return [];
        }

        int window = config.Count("sliding_window", most: int.MaxValue);
        IReadOnlyList<string>? types = config.Texts("layer_types");
        if (types is not null && types.Count != spec.NumHiddenLayers)
        {
            throw config.Bad("layer_types", "one entry for each layer", "must have");
        }

        return [.. Enumerable.Range(0, spec.NumHiddenLayers).Select(layer => (types?[layer]) switch
        {
            null => slides(layer) ? window : 0,
            "sliding_attention" => window,
            "full_attention" => 0,
            _ => throw config.Unsupported("layer_types"),
        })];
    }

    private static (string Config, string Gguf, string Expected)? Check(DecoderSpec spec) =>
        spec.NumAttentionHeads % spec.NumKeyValueHeads != 0 ? ("num_key_value_heads", "attention.head_count_kv", "a divisor of the number of heads") :
        spec.HeadDim % 2 != 0 ? ("head_dim", "attention.key_length", "even, since the rotary embedding turns pairs") : null;
}
