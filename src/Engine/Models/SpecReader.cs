namespace FineTuneTool.Engine.Models;

/// <summary>What the families have in common: the fields that they share, read and checked. A family adds the rest with <c>with</c>.</summary>
internal static class SpecReader
{
    /// <summary>Layers and heads above this are no model, and are not looped over.</summary>
    private const int MostLayers = 4096;

    /// <summary>GGUF keys that change the maths wherever they are not 0.</summary>
    private static readonly string[] NeutralZeros =
    [
        "expert_count", "attention.sliding_window", "attention.sliding_window_pattern", "attention.max_alibi_bias", "attention.clamp_kqv", "attention.scale",
        "attn_logit_softcapping", "final_logit_softcapping",
    ];

    /// <summary>Reads config.json. Options that several families know and that change the maths are refused by name.</summary>
    public static DecoderSpec Read(ConfigFields config, ConfigDialect? dialect = null)
    {
        dialect ??= new ConfigDialect();
        if (config.Texts("architectures") is { Count: > 0 } names && !names.Any(name => name.EndsWith("ForCausalLM", StringComparison.Ordinal)))
        {
            throw config.Unsupported("architectures");
        }

        if (config.Object("quantization_config") is { } quantization && !(quantization.Text("quant_method") == "bitsandbytes" && quantization.Flag("load_in_4bit", false)))
        {
            throw config.Unsupported("quantization_config");
        }

        foreach ((string key, string[] values) in dialect.HiddenActNames)
        {
            if (config.Text(key) is { } name && !values.Contains(name))
            {
                throw config.Unsupported(key);
            }
        }

        config.Require("attention_dropout", 0);
        int heads = config.Count("num_attention_heads", most: MostLayers), hidden = config.Count("hidden_size", most: 1 << 20);
        int headDim = config.Count("head_dim", dialect.HeadDim ?? Math.Max(1, hidden / heads), 1 << 12);
        var spec = new DecoderSpec
        {
            ModelType = config.Text("model_type")!,
            VocabSize = config.Count("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = config.Count("intermediate_size"),
            NumHiddenLayers = config.Count("num_hidden_layers", most: MostLayers),
            NumAttentionHeads = heads,
            NumKeyValueHeads = config.Count("num_key_value_heads", heads, heads),
            HeadDim = headDim,
            MaxPositionEmbeddings = config.Count("max_position_embeddings", 2048, int.MaxValue),
            RmsNormEps = (float)config.Positive("rms_norm_eps", dialect.RmsNormEps),
            TieWordEmbeddings = config.Flag("tie_word_embeddings", dialect.TieWordEmbeddings),
            HiddenAct = dialect.HiddenAct,
            RotaryDims = headDim % 2 == 0 ? RopeReader.RotaryDims(config, dialect, headDim) : headDim,
            Rope = new RopeParameters(),
        };
        return Check(spec) is { } problem ? throw config.Bad(problem.Config, problem.Expected)
            : spec with { Rope = RopeReader.Read(config, dialect, spec.RotaryDims) };
    }

    /// <summary>Reads GGUF metadata; the vocabulary is that of the embedding tensor, and the head is tied where there is no <c>output.weight</c>.</summary>
    /// <param name="known">Keys that change the maths and that the family reads itself; all others of the kind are refused.</param>
    public static DecoderSpec Read(GgufFields fields, string modelType, params string[] known)
    {
        foreach (string key in NeutralZeros.Except(known))
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
        if (!known.Contains("rope.dimension_count"))
        {
            fields.Require("rope.dimension_count", headDim);
        }

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
            RotaryDims = fields.Count("rope.dimension_count", headDim, headDim),
            Rope = new RopeParameters(),
        };
        return Check(spec) is { } problem ? throw fields.Bad(problem.Gguf, problem.Expected) : spec with { Rope = GgufRopeReader.Read(fields, spec.RotaryDims) };
    }

    /// <summary>
    /// Sliding windows of the layers: <c>layer_types</c> where the file has it, else <paramref name="slides"/>. Where <c>sliding_window</c> is absent it is
    /// <paramref name="window"/>; 0 = no layer has one.
    /// </summary>
    public static IReadOnlyList<int> Windows(ConfigFields config, DecoderSpec spec, Func<int, bool> slides, int window = 0)
    {
        window = config.Has("sliding_window") ? config.Count("sliding_window", most: int.MaxValue) : window;
        if (window == 0)
        {
            return [];
        }

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

    /// <summary>The same from GGUF metadata, where 0 stands for none.</summary>
    public static IReadOnlyList<int> Windows(GgufFields fields, DecoderSpec spec, Func<int, bool> slides, int window = 0)
    {
        window = fields.NotNegative("attention.sliding_window", window);
        return window == 0 ? [] : [.. Enumerable.Range(0, spec.NumHiddenLayers).Select(layer => slides(layer) ? window : 0)];
    }

    /// <summary>Windows of families that have one on the upper layers, and only where it is switched on.</summary>
    public static IReadOnlyList<int> UpperWindows(ConfigFields config, DecoderSpec spec)
    {
        if (!config.Flag("use_sliding_window", false))
        {
            return [];
        }

        int first = (int)config.Number("max_window_layers", 28);
        return Windows(config, spec, slides: layer => layer >= first);
    }

    private static (string Config, string Gguf, string Expected)? Check(DecoderSpec spec) =>
        spec.NumAttentionHeads % spec.NumKeyValueHeads != 0 ? ("num_key_value_heads", "attention.head_count_kv", "a divisor of the number of heads") :
        spec.HeadDim % 2 != 0 ? ("head_dim", "attention.key_length", "even, since the rotary embedding turns pairs") :
        spec.RotaryDims % 2 != 0 ? ("partial_rotary_factor", "rope.dimension_count", "even, since the rotary embedding turns pairs") : null;
}
