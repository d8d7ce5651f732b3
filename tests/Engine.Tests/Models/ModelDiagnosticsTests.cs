using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Models;

/// <summary>Configurations and weights that do not make a model: each is refused by name, and nothing large is allocated.</summary>
public class ModelDiagnosticsTests
{
    [Theory]
    [InlineData("num_attention_heads", "0")]
    [InlineData("num_attention_heads", "\"three\"")]
    [InlineData("num_attention_heads", "2.5")]
    [InlineData("num_key_value_heads", "2")]
    [InlineData("num_key_value_heads", "9")]
    [InlineData("head_dim", "7")]
    [InlineData("hidden_size", "-20")]
    [InlineData("hidden_size", "1e300")]
    [InlineData("hidden_size", "null")]
    [InlineData("num_hidden_layers", "2000000000")]
    [InlineData("vocab_size", "1e12")]
    [InlineData("rms_norm_eps", "0")]
    [InlineData("rms_norm_eps", "true")]
    [InlineData("rope_theta", "-1")]
    [InlineData("tie_word_embeddings", "1")]
    [InlineData("rope_scaling", "[]")]
    [InlineData("rope_scaling", """{"rope_type": "linear"}""", "factor")]
    [InlineData("rope_scaling", """{"rope_type": "linear", "factor": "x"}""", "factor")]
    [InlineData("rope_scaling", """{"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4, "original_max_position_embeddings": 32}""", "high_freq_factor")]
    [InlineData("rope_scaling", """{"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4}""", "original_max_position_embeddings")]
    [InlineData("model_type", "null")]
    [InlineData("model_type", "7")]
    [InlineData("architectures", "\"LlamaForCausalLM\"")]
    public void A_configuration_that_no_model_has_is_FT0306(string key, string value, string? named = null) =>
        Refused(Codes.BadModelConfig, key, value, named ?? key);

    [Theory]
    [InlineData("model_type", "\"mamba\"", "mamba")]
    [InlineData("hidden_act", "\"relu\"")]
    [InlineData("architectures", """["LlamaForSequenceClassification"]""")]
    [InlineData("quantization_config", """{"quant_method": "gptq"}""")]
    [InlineData("attention_dropout", "0.1")]
    [InlineData("partial_rotary_factor", "0.5")]
    [InlineData("rope_scaling", """{"rope_type": "su", "factor": 4}""", "rope_type")]
    [InlineData("rope_scaling", """{"rope_type": "yarn", "factor": 4, "mscale_all_dim": 1.0}""", "mscale_all_dim")]
    [InlineData("rope_parameters", """{"rope_type": "default", "partial_rotary_factor": 0.5}""", "partial_rotary_factor")]
    public void An_option_that_would_change_the_maths_is_FT0307(string key, string value, string? named = null) =>
        Refused(Codes.UnsupportedArchitecture, key, value, named ?? key);

    [Theory]
    [InlineData("phi3", "partial_rotary_factor", "0.5", "partial_rotary_factor")]
    [InlineData("phi3", "partial_rotary_factor", "1.5", "partial_rotary_factor")]
    [InlineData("phi3", "rope_scaling", """{ "type": "longrope", "short_factor": [1, 1.5] }""", "long_factor")]
    [InlineData("phi3", "rope_scaling", """{ "type": "longrope", "short_factor": [1, 1.5], "long_factor": [1] }""", "long_factor")]
    [InlineData("phi3", "rope_scaling", """{ "type": "longrope", "short_factor": [1, -1], "long_factor": [1, 2] }""", "short_factor")]
    [InlineData("phi3", "rope_scaling", """{ "type": "longrope", "short_factor": [1, "x"], "long_factor": [1, 2] }""", "short_factor")]
    [InlineData("phi3", "original_max_position_embeddings", "0", "original_max_position_embeddings")]
    [InlineData("phi3", "original_max_position_embeddings", "1", "original_max_position_embeddings")]
    [InlineData("gemma2", "sliding_window", "-4", "sliding_window")]
    [InlineData("gemma2", "query_pre_attn_scalar", "0", "query_pre_attn_scalar")]
    [InlineData("gemma2", "final_logit_softcapping", "-1.0", "final_logit_softcapping")]
    [InlineData("gemma2", "layer_types", """["full_attention"]""", "layer_types")]
    [InlineData("gemma3_text", "sliding_window_pattern", "0", "sliding_window_pattern")]
    [InlineData("gemma3_text", "rope_local_base_freq", "-1", "rope_local_base_freq")]
    public void A_configuration_that_no_model_of_a_family_has_is_FT0306(string family, string key, string value, string named) =>
        Refused(Codes.BadModelConfig, key, value, named, family);

    [Theory]
    [InlineData("qwen3", "model_type", "\"qwen3_moe\"", "qwen3_moe")]
    [InlineData("gemma3_text", "model_type", "\"gemma3\"", "gemma3")]
    [InlineData("qwen3", "hidden_act", "\"gelu\"", "hidden_act")]
    [InlineData("gemma", "hidden_activation", "\"gelu\"", "hidden_activation")]
    [InlineData("gemma", "hidden_act", "\"silu\"", "hidden_act")]
    [InlineData("gemma3_text", "use_bidirectional_attention", "true", "use_bidirectional_attention")]
    [InlineData("gemma3_text", "attn_logit_softcapping", "50.0", "attn_logit_softcapping")]
    [InlineData("gemma2", "layer_types", """["full_attention", "chunked_attention"]""", "layer_types")]
    [InlineData("gemma2", "rope_parameters", """{ "full_attention": { "rope_theta": 10000.0 } }""", "full_attention")]
    [InlineData("phi3", "resid_pdrop", "0.1", "resid_pdrop")]
    [InlineData("phi3", "embd_pdrop", "0.1", "embd_pdrop")]
    [InlineData("phi3", "rope_scaling", """{ "type": "longrope", "short_factor": [1, 1], "long_factor": [1, 2], "short_mscale": 1.1 }""", "short_mscale")]
    [InlineData("qwen3", "rope_scaling", """{ "rope_type": "su", "short_factor": [1, 1, 1], "long_factor": [1, 2, 3] }""", "rope_type")]
    public void An_option_that_would_change_the_maths_of_a_family_is_FT0307(string family, string key, string value, string named) =>
        Refused(Codes.UnsupportedArchitecture, key, value, named, family);

    [Fact]
    public void What_is_supported_is_listed()
    {
        using var model = new TinyModel();
        model.Config["model_type"] = "mamba";
        var refused = Assert.Throws<FineTuneException>(() => model.Load());
        Assert.EndsWith("llama, mistral, qwen2, qwen3, gemma, gemma2, gemma3_text, phi3.", refused.Diagnostic.Remedy);
    }

    [Theory]
    [InlineData("num_hidden_layers", "4096", "model.layers.2.")]
    [InlineData("num_hidden_layers", "3", "model.layers.2.")]
    public void Layers_without_tensors_are_FT0308(string key, string value, string named) => Refused(Codes.MissingTensor, key, value, named);

    [Theory]
    [InlineData("lm_head.weight")]
    [InlineData("model.norm.weight")]
    [InlineData("model.layers.1.mlp.up_proj.bias")]
    public void A_missing_tensor_is_FT0308(string name)
    {
        using var model = new TinyModel();
        model.Tensors.Remove(name);
        Refused(model, Codes.MissingTensor, name);
    }

    [Theory]
    [InlineData("hidden_size", "1000000", "model.embed_tokens.weight")]
    [InlineData("vocab_size", "16000000", "model.embed_tokens.weight")]
    [InlineData("intermediate_size", "16000000", "mlp.gate_proj")]
    [InlineData("head_dim", "4096", "self_attn.q_proj")]
    public void Sizes_that_the_tensors_do_not_have_are_FT0309(string key, string value, string named) => Refused(Codes.WrongShape, key, value, named);

    [Fact]
    public void Integers_are_no_weights()
    {
        using var model = new TinyModel();
        model.Tensors["model.norm.weight"] = Bytes("model.norm.weight", ElementType.I8, 20);
        Refused(model, Codes.UnsupportedTensorType, "model.norm.weight");
    }

    [Theory]
    [InlineData("general.architecture", "rwkv", "FT0307")]
    [InlineData("llama.expert_count", 8u, "FT0307")]
    [InlineData("llama.rope.scaling.type", "su", "FT0307")]
    [InlineData("llama.rope.scaling.type", "longrope", "FT0308")]
    [InlineData("llama.rope.scaling.attn_factor", 2f, "FT0307")]
    [InlineData("llama.attention.sliding_window", 8u, "FT0307")]
    [InlineData("llama.final_logit_softcapping", 30f, "FT0307")]
    [InlineData("llama.rope.dimension_count", 4u, "FT0307")]
    [InlineData("llama.block_count", 0u, "FT0306")]
    [InlineData("llama.attention.head_count_kv", 2u, "FT0306")]
    [InlineData("llama.block_count", 3u, "FT0308")]
    [InlineData("llama.feed_forward_length", 24u, "FT0309")]
    public void Metadata_of_a_GGUF_file_that_does_not_fit_is_refused(string key, object value, string code)
    {
        using var model = new TinyModel();
        string path = model.WriteGguf(key, value);
        var refused = Assert.Throws<FineTuneException>(() => model.LoadFrom(path));
        Assert.Equal(code, refused.Diagnostic.Code.Id);
    }

    private static void Refused(DiagnosticCode code, string key, string value, string named, string? family = null)
    {
        using var model = new TinyModel(family: family);
        model.Config[key] = JsonNode.Parse(value);
        Refused(model, code, named);
    }

    private static void Refused(TinyModel model, DiagnosticCode code, string named)
    {
        var refused = Assert.Throws<FineTuneException>(() => model.Load());
        Assert.Equal(code, refused.Diagnostic.Code);
        Assert.Contains(named, refused.Diagnostic.Message);
    }

    private static unsafe StoredTensor Bytes(string name, ElementType type, long count)
    {
        var buffer = new NativeBuffer(type.Bytes(count));
        return new StoredTensor(name, type, new Shape(count), buffer.Pointer, buffer.Length, buffer);
    }
}
