using System.Text.Json.Nodes;
using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Tests.Models;

/// <summary>What makes a <see cref="TinyModel"/> one of another family: everything that the family can have, at numbers at which it bites.</summary>
internal static class TinyFamilies
{
    private static readonly Dictionary<string, string> Changes = new()
    {
        ["llama"] = """{ "model_type": "llama", "rope_scaling": { "rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 64 } }""",
        ["mistral"] = """{ "model_type": "mistral", "sliding_window": 5 }""",
        ["qwen2"] = """{ "model_type": "qwen2", "use_sliding_window": true, "sliding_window": 5, "max_window_layers": 1 }""",
        ["qwen3"] = """{ "model_type": "qwen3", "attention_bias": true, "tie_word_embeddings": true }""",
        ["gemma"] = """{ "model_type": "gemma", "hidden_act": "gelu", "tie_word_embeddings": true }""",
        ["gemma2"] = """
            { "model_type": "gemma2", "hidden_act": null, "hidden_activation": "gelu_pytorch_tanh", "tie_word_embeddings": true, "sliding_window": 5,
              "query_pre_attn_scalar": 9, "attn_logit_softcapping": 3.0, "final_logit_softcapping": 4.0 }
            """,
        ["gemma3_text"] = """
            { "model_type": "gemma3_text", "hidden_act": null, "hidden_activation": "gelu_pytorch_tanh", "tie_word_embeddings": true, "sliding_window": 5,
              "sliding_window_pattern": 2, "query_pre_attn_scalar": 9, "final_logit_softcapping": 4.0, "rope_theta": 500.0, "rope_local_base_freq": 100.0,
              "rope_scaling": { "rope_type": "linear", "factor": 8 } }
            """,
        ["phi3"] = """
            { "model_type": "phi3", "partial_rotary_factor": 0.7, "sliding_window": 9, "max_position_embeddings": 16, "original_max_position_embeddings": 12,
              "rope_scaling": { "type": "longrope", "short_factor": [1, 1.5], "long_factor": [1.5, 6] } }
            """,
    };

    public static TheoryData<string> Names => [.. Changes.Keys];

    /// <summary>Turns a configuration of llama into one of a family; biases where the family has them.</summary>
    public static void Change(JsonObject config, string family)
    {
        foreach ((string key, JsonNode? value) in (JsonObject)JsonNode.Parse(Changes[family])!)
        {
            config[key] = value?.DeepClone();
        }
    }

    public static DecoderSpec Read(JsonObject config) =>
        ModelFamilies.All.Single(family => family.ModelType == (string)config["model_type"]!).Read(new ConfigFields(config, "config.json"));

    /// <summary>Records compare their lists by reference; this compares what is in them.</summary>
    public static void Same(DecoderSpec expected, DecoderSpec actual)
    {
        Assert.Equal(Enumerable.Range(0, expected.NumHiddenLayers).Select(expected.WindowOf), Enumerable.Range(0, actual.NumHiddenLayers).Select(actual.WindowOf));
        Same(expected.Rope, actual.Rope);
        Assert.Equal(expected.LocalRope is null, actual.LocalRope is null);
        Same(expected.LocalRope ?? new(), actual.LocalRope ?? new());
        Assert.Equal(expected with { SlidingWindows = [], Rope = new(), LocalRope = null }, actual with { SlidingWindows = [], Rope = new(), LocalRope = null });
    }

    private static void Same(RopeParameters expected, RopeParameters actual)
    {
        Assert.Equal(expected.ShortFactor, actual.ShortFactor);
        Assert.Equal(expected.LongFactor, actual.LongFactor);
        Assert.Equal(expected.Divisors, actual.Divisors);
        Assert.Equal(expected with { ShortFactor = null, LongFactor = null, Divisors = null }, actual with { ShortFactor = null, LongFactor = null, Divisors = null });
    }
}
