namespace FineTuneTool.Engine.Models;

/// <summary>Names of the same tensor in Hugging Face folders and in GGUF files.</summary>
public static class GgufTensorNames
{
    private static readonly (string HuggingFace, string Gguf)[] Top =
        [("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output")];

    private static readonly (string HuggingFace, string Gguf)[] InLayer =
    [
        ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_output"),
        ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"),
        ("input_layernorm", "attn_norm"), ("post_attention_layernorm", "ffn_norm"),
    ];

    /// <summary>The GGUF name of a Hugging Face tensor, such as <c>blk.0.attn_q.weight</c>; null where there is none.</summary>
    public static string? ToGguf(string name) => Translate(name, "model.layers.", "blk.", pair => (pair.HuggingFace, pair.Gguf));

    /// <summary>The Hugging Face name of a GGUF tensor; null where there is none.</summary>
    public static string? ToHuggingFace(string name) => Translate(name, "blk.", "model.layers.", pair => (pair.Gguf, pair.HuggingFace));

    private static string? Translate(
        string name, string fromLayers, string toLayers, Func<(string HuggingFace, string Gguf), (string From, string To)> direction)
    {
        int dot = name.LastIndexOf('.');
        if (dot < 0)
        {
            return null;
        }

        string module = name[..dot], suffix = name[dot..], prefix = "";
        (string HuggingFace, string Gguf)[] table = Top;
        if (module.StartsWith(fromLayers, StringComparison.Ordinal))
        {
            int end = module.IndexOf('.', fromLayers.Length);
            if (end < 0)
            {
                return null;
            }

            prefix = $"{toLayers}{module[fromLayers.Length..end]}.";
            module = module[(end + 1)..];
            table = InLayer;
        }

        return table.Select(direction).Where(pair => pair.From == module).Select(pair => $"{prefix}{pair.To}{suffix}").FirstOrDefault();
    }
}
