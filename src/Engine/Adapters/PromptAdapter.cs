using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>Embeddings of virtual tokens before every document (prompt tuning), from a PEFT folder.</summary>
public sealed class PromptAdapter : Adapter
{
    private readonly AdapterParameters _values;

    private PromptAdapter(Decoder decoder, AdapterTensor tensor, bool trainable)
        : base(decoder)
    {
        _values = new AdapterParameters(decoder.Backend, [tensor], trainable);
        Prompt = new PromptRows(_values.Value(tensor.Name), _values.Gradient(tensor.Name));
    }

    public override PromptRows Prompt { get; }

    public override string WhyNotMergeable => "Virtual tokens have no place in the weights of a model";

    public override ParameterSet? Parameters => _values.Trainable;

    /// <summary>Raises <see cref="Codes.UnsupportedAdapter"/> and <see cref="Codes.AdapterDoesNotFit"/>.</summary>
    public static PromptAdapter Load(Decoder decoder, PeftAdapter files, bool trainable)
    {
        var tensor = new AdapterTensor(PeftNames.Prompt, new Shape(files.Config.NumVirtualTokens, decoder.Spec.HiddenSize));
        new AdapterFile(files).Require([tensor]);
        var adapter = new PromptAdapter(decoder, tensor, trainable);
        adapter._values.Read(files);
        return adapter;
    }

    public override PeftConfig ToConfig(string? baseModelName) => new()
    {
        PeftType = "PROMPT_TUNING",
        BaseModelNameOrPath = baseModelName,
        NumVirtualTokens = Prompt.Count,
        NumLayers = Decoder.Spec.NumHiddenLayers,
        NumAttentionHeads = Decoder.Spec.NumAttentionHeads,
        TokenDim = Decoder.Spec.HiddenSize,
    };

    public override IReadOnlyList<TensorSource> ToTensors() => _values.ToTensors();

    public override void Dispose()
    {
        base.Dispose();
        _values.Dispose();
    }
}
