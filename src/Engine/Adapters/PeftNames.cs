namespace FineTuneTool.Engine.Adapters;

/// <summary>Names of tensors in adapter_model.safetensors.</summary>
internal static class PeftNames
{
    /// <summary>The one tensor of prefix and prompt tuning.</summary>
    public const string Prompt = "prompt_embeddings";

    private const string Prefix = "base_model.model.";
    private const string SuffixA = ".lora_A.weight";
    private const string SuffixEmbeddingA = ".lora_embedding_A";

    /// <summary>PEFT saves the base matrix, too, where the head or the embedding is a target; it is the base model's own and not read.</summary>
    private const string SuffixBase = ".base_layer.weight";

    public static string A(string path) => $"{Prefix}{path}{SuffixA}";

    public static string B(string path) => $"{Prefix}{path}.lora_B.weight";

    public static string BiasOfB(string path) => $"{Prefix}{path}.lora_B.bias";

    /// <summary>The row lengths of DoRA. PEFT's name for the parameter ends in .weight, that in the file does not.</summary>
    public static string Magnitude(string path) => $"{Prefix}{path}.lora_magnitude_vector";

    public static string EmbeddingA(string path) => $"{Prefix}{path}{SuffixEmbeddingA}";

    public static string EmbeddingB(string path) => $"{Prefix}{path}.lora_embedding_B";

    /// <summary>The factors of IA³.</summary>
    public static string Factors(string path) => $"{Prefix}{path}.ia3_l";

    /// <summary>The bias of an adapted layer, trained beside its branch.</summary>
    public static string BaseBias(string path) => $"{Prefix}{path}.base_layer.bias";

    /// <summary>A tensor of the model that is trained as a whole.</summary>
    public static string Whole(string name) => $"{Prefix}{name}";

    /// <summary>The layer whose A this is; null for any other tensor.</summary>
    public static string? LayerOfA(string name) => Between(name, SuffixA);

    public static string? LayerOfEmbeddingA(string name) => Between(name, SuffixEmbeddingA);

    public static bool IsBase(string name) => Between(name, SuffixBase) is not null;

    private static string? Between(string name, string suffix) =>
        name.Length > Prefix.Length + suffix.Length && name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(suffix, StringComparison.Ordinal)
            ? name[Prefix.Length..^suffix.Length] : null;
}
