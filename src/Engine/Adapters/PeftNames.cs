namespace FineTuneTool.Engine.Adapters;

/// <summary>Names of tensors in adapter_model.safetensors.</summary>
internal static class PeftNames
{
    private const string Prefix = "base_model.model.";
    private const string SuffixA = ".lora_A.weight";
    private const string SuffixB = ".lora_B.weight";

    /// <summary>PEFT saves the base matrix, too, where the head or the embedding is a target; it is the base model's own and not read.</summary>
    private const string SuffixBase = ".base_layer.weight";

    public static string A(string path) => $"{Prefix}{path}{SuffixA}";

    public static string B(string path) => $"{Prefix}{path}{SuffixB}";

    /// <summary>Module path and suffix of a tensor of plain LoRA; null for any other.</summary>
    public static (string Path, bool IsBase)? Parse(string name)
    {
        if (!name.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        foreach (string suffix in new[] { SuffixA, SuffixB, SuffixBase })
        {
            if (name.EndsWith(suffix, StringComparison.Ordinal) && name.Length > Prefix.Length + suffix.Length)
            {
                return (name[Prefix.Length..^suffix.Length], suffix == SuffixBase);
            }
        }

        return null;
    }
}
