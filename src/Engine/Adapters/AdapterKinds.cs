using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Adapters;

/// <summary>Opens the adapter of a PEFT folder as one of a decoder.</summary>
public delegate Adapter AdapterLoader(Decoder decoder, PeftAdapter files, bool trainable);

/// <summary>One kind of adapter.</summary>
/// <param name="PeftType">Its name in adapter_config.json.</param>
public sealed record AdapterKind(string PeftType, AdapterLoader Load);

/// <summary>The kinds of adapters that can be opened.</summary>
public static class AdapterKinds
{
    public static IReadOnlyList<AdapterKind> All { get; } =
    [
        new("LORA", LoraAdapter.Load), new("PREFIX_TUNING", PrefixAdapter.Load), new("PROMPT_TUNING", PromptAdapter.Load), new("IA3", Ia3Adapter.Load),
    ];

    /// <summary>
    /// The adapter of a folder, whatever its kind. Raises <see cref="Codes.UnsupportedAdapter"/> for kinds and options that are not known, and
    /// <see cref="Codes.AdapterDoesNotFit"/> where tensors, configuration and model disagree.
    /// </summary>
    public static Adapter Load(Decoder decoder, PeftAdapter files, bool trainable)
    {
        string type = files.Config.PeftType;
        AdapterKind kind = All.FirstOrDefault(kind => kind.PeftType == type) ?? throw new AdapterFile(files).Unsupported($"is of the kind {type}");
        return kind.Load(decoder, files, trainable);
    }
}
