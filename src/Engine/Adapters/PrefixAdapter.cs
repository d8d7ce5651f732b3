using System.Runtime.InteropServices;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>
/// Keys and values before every document in every layer (prefix tuning, Li and Liang 2021): trained as they are, made by a small network of trained
/// embeddings, or those of a PEFT folder. What is saved are the keys and values themselves.
/// </summary>
public sealed class PrefixAdapter : Adapter
{
    private readonly AdapterTensor _tensor;
    private readonly AdapterParameters? _values;
    private readonly PrefixEncoder? _encoder;

    private PrefixAdapter(Decoder decoder, int length, bool projected, bool trainable)
        : base(decoder)
    {
        DecoderSpec spec = decoder.Spec;
        _tensor = new AdapterTensor(PeftNames.Prompt, new Shape(length, 2L * spec.NumHiddenLayers * spec.KeyValueSize), Width: spec.KeyValueSize);
        if (projected)
        {
            _encoder = new PrefixEncoder(decoder.Backend, _tensor, spec.KeyValueSize);
        }
        else
        {
            _values = new AdapterParameters(decoder.Backend, [_tensor], trainable);
        }

        Backends.Tensor states = _encoder?.States ?? _values!.Value(_tensor.Name);
        Backends.Tensor? gradients = _encoder?.DStates ?? _values!.Gradient(_tensor.Name);
        var shape = new Shape(length, spec.KeyValueSize);
        Prefix =
        [
            .. Enumerable.Range(0, spec.NumHiddenLayers).Select(layer => new PrefixStates(
                states.View(2L * layer * shape.Count, shape), states.View((2L * layer + 1) * shape.Count, shape),
                gradients?.View(2L * layer * shape.Count, shape), gradients?.View((2L * layer + 1) * shape.Count, shape))),
        ];
    }

    public override IReadOnlyList<PrefixStates> Prefix { get; }

    public override string WhyNotMergeable => "Keys and values before a document have no place in the weights of a model";

    public override ParameterSet? Parameters => _encoder?.Parameters ?? _values!.Trainable;

    /// <summary>Fresh keys and values, N(0, 1) as in PEFT, or a fresh network that makes them.</summary>
    public static PrefixAdapter Create(Decoder decoder, PrefixSettings settings, ulong seed)
    {
        var adapter = new PrefixAdapter(decoder, settings.Length, settings.Projection, trainable: true);
        if (adapter._encoder is not null)
        {
            adapter._encoder.Initialise(seed);
        }
        else
        {
            var random = new CounterRandom(seed, RandomPurpose.Initialisation);
            adapter._values!.Write(adapter._tensor.Name, [.. Enumerable.Range(0, (int)adapter._tensor.Shape.Count).Select(i => random.Normal((ulong)i))]);
        }

        return adapter;
    }

    /// <summary>Raises <see cref="Codes.UnsupportedAdapter"/> and <see cref="Codes.AdapterDoesNotFit"/>.</summary>
    public static PrefixAdapter Load(Decoder decoder, PeftAdapter files, bool trainable)
    {
        DecoderSpec spec = decoder.Spec;
        var shape = new Shape(files.Config.NumVirtualTokens, 2L * spec.NumHiddenLayers * spec.KeyValueSize);
        new AdapterFile(files).Require([new AdapterTensor(PeftNames.Prompt, shape)]);
        var adapter = new PrefixAdapter(decoder, files.Config.NumVirtualTokens, projected: false, trainable);
        adapter._values!.Read(files);
        return adapter;
    }

    public override PeftConfig ToConfig(string? baseModelName) => new()
    {
        PeftType = "PREFIX_TUNING",
        BaseModelNameOrPath = baseModelName,
        NumVirtualTokens = Prefix[0].Count,
        NumLayers = Decoder.Spec.NumHiddenLayers,
        NumAttentionHeads = Decoder.Spec.NumKeyValueHeads,
        TokenDim = Decoder.Spec.KeyValueSize,
        EncoderHiddenSize = Decoder.Spec.KeyValueSize,
        PrefixProjection = _encoder is not null,
    };

    public override IReadOnlyList<TensorSource> ToTensors() => _values?.ToTensors() ??
    [
        new TensorSource(_tensor.Name, ElementType.F32, _tensor.Shape, stream =>
        {
            _encoder!.Run();
            float[] values = new float[_tensor.Shape.Count];
            Decoder.Backend.Read(_encoder.States, values);
            stream.Write(MemoryMarshal.AsBytes<float>(_tensor.ToFile(values)));
        }),
    ];

    internal override void BeginPass(bool training) => _encoder?.BeginPass(training);

    internal override void EndBackward() => _encoder?.EndBackward();

    public override void Dispose()
    {
        base.Dispose();
        _encoder?.Dispose();
        _values?.Dispose();
    }
}
