namespace FineTuneTool.Engine.Models;

/// <summary>The names that GGUF files give to the tensors of a model, by their Hugging Face names.</summary>
public sealed class GgufTensorNames(DecoderSpec spec)
{
    private static readonly Dictionary<string, string> Top = new()
    {
        ["model.embed_tokens"] = "token_embd",
        ["model.norm"] = "output_norm",
        ["lm_head"] = "output",
    };

    private readonly Dictionary<string, string> _inLayer = new()
    {
        ["self_attn.q_proj"] = "attn_q",
        ["self_attn.k_proj"] = "attn_k",
        ["self_attn.v_proj"] = "attn_v",
        ["self_attn.qkv_proj"] = "attn_qkv",
        ["self_attn.q_norm"] = "attn_q_norm",
        ["self_attn.k_norm"] = "attn_k_norm",
        ["self_attn.o_proj"] = "attn_output",
        ["mlp.gate_proj"] = "ffn_gate",
        ["mlp.up_proj"] = "ffn_up",
        ["mlp.gate_up_proj"] = "ffn_up",
        ["mlp.down_proj"] = "ffn_down",
        ["input_layernorm"] = "attn_norm",
        ["post_attention_layernorm"] = spec.PostNorms ? "post_attention_norm" : "ffn_norm",
        ["pre_feedforward_layernorm"] = "ffn_norm",
        ["post_feedforward_layernorm"] = "post_ffw_norm",
    };

    /// <summary>The GGUF name of a Hugging Face tensor, such as <c>blk.0.attn_q.weight</c>; null where there is none.</summary>
    public string? ToGguf(string name)
    {
        const string Layers = "model.layers.";
        int dot = name.LastIndexOf('.');
        if (dot < 0)
        {
            return null;
        }

        string module = name[..dot], suffix = name[dot..];
        if (!module.StartsWith(Layers, StringComparison.Ordinal))
        {
            return Top.TryGetValue(module, out string? top) ? top + suffix : null;
        }

        int end = module.IndexOf('.', Layers.Length);
        return end >= 0 && _inLayer.TryGetValue(module[(end + 1)..], out string? inLayer) ? $"blk.{module[Layers.Length..end]}.{inLayer}{suffix}" : null;
    }
}
