using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Quantization;

namespace FineTuneTool.Engine.Models;

/// <summary>The modules of a decoder, built from the files; every tensor is checked before it is used.</summary>
internal sealed class DecoderParts : IDisposable
{
    private readonly DecoderSpec _spec;
    private readonly WeightSource _source;
    private readonly WeightStorage? _layerStorage, _vocabularyStorage;
    private readonly List<Weight> _weights = [];
    private readonly List<LinearLayer> _linears = [];
    private readonly RotaryEmbedding _rotary;
    private readonly RotaryEmbedding? _localRotary;

    /// <param name="layerStorage">For the matrices of the decoder layers; null = as they are stored.</param>
    /// <param name="vocabularyStorage">For embedding and head.</param>
    /// <param name="initial">What a model without weights begins with.</param>
    public DecoderParts(
        ModelFiles files, ModelFamily family, DecoderSpec spec, Backend backend, WeightStorage? layerStorage, WeightStorage? vocabularyStorage,
        InitialWeights? initial)
    {
        (_spec, _source, _layerStorage, _vocabularyStorage) = (spec, new WeightSource(files, family, spec, backend, initial), layerStorage, vocabularyStorage);
        _rotary = new RotaryEmbedding(backend, spec.Rope, spec.RotaryDims);
        _localRotary = spec.LocalRope is null ? null : new RotaryEmbedding(backend, spec.LocalRope, spec.RotaryDims);
        try
        {
            Embedding = new InputEmbedding(backend, Matrix($"{Decoder.EmbeddingPath}.weight", spec.VocabSize, spec.HiddenSize), spec.EmbeddingScale);
            var layers = new List<DecoderLayer>();
            for (int layer = 0; layer < spec.NumHiddenLayers; layer++)
            {
                layers.Add(ReadLayer(layer));
            }

            Layers = layers;
            FinalNorm = Norm("model.norm", spec.HiddenSize);
            Head = spec.TieWordEmbeddings ? new LinearLayer(Decoder.HeadPath, _linears.Count, Weight.TiedTo(Embedding.Table, $"{Decoder.HeadPath}.weight"), null)
                : Add(new LinearLayer(Decoder.HeadPath, _linears.Count, Matrix($"{Decoder.HeadPath}.weight", spec.VocabSize, spec.HiddenSize), null));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public InputEmbedding Embedding { get; }

    public IReadOnlyList<DecoderLayer> Layers { get; }

    public RmsNormLayer FinalNorm { get; }

    /// <summary>The output head; of tied models its weight is tied to <see cref="Embedding"/> and <see cref="Linears"/> lacks it.</summary>
    public LinearLayer Head { get; }

    public IReadOnlyList<LinearLayer> Linears => _linears;

    /// <summary>Every tensor once, in the order in which Hugging Face names parameters.</summary>
    public IReadOnlyList<Weight> Weights => _weights;

    /// <summary>Takes one adapter off and lays another over the parts; null = none.</summary>
    public void Exchange(Adapter? before, Adapter? after)
    {
        foreach (Weight weight in before?.Replacements.Keys ?? [])
        {
            weight.Replace(null);
        }

        foreach ((Weight weight, Replacement replacement) in after?.Replacements ?? new Dictionary<Weight, Replacement>())
        {
            weight.Replace(replacement);
        }

        foreach (LinearLayer linear in Linears)
        {
            linear.Branch = after?.Branches.GetValueOrDefault(linear);
        }

        for (int layer = 0; layer < Layers.Count; layer++)
        {
            Layers[layer].Attention.Prefix = after?.Prefix?[layer];
        }

        Embedding.Branch = after?.Embedding;
        Embedding.Prompt = after?.Prompt;
    }

    public void Dispose()
    {
        _weights.ForEach(weight => weight.Dispose());
        _rotary.Dispose();
        _localRotary?.Dispose();
    }

    private DecoderLayer ReadLayer(int layer)
    {
        string path = $"model.layers.{layer}";
        (Projections queryKeyValue, LinearLayer output, RmsNormLayer? queryNorm, RmsNormLayer? keyNorm) = ReadAttention($"{path}.self_attn");
        (Projections gateUp, LinearLayer down) = ReadFeedForward($"{path}.mlp");
        RotaryEmbedding rotary = _spec.WindowOf(layer) > 0 ? _localRotary ?? _rotary : _rotary;
        RotaryHeads queries = new(queryNorm, rotary, _spec.NumAttentionHeads), keys = new(keyNorm, rotary, _spec.NumKeyValueHeads);

        // Hugging Face calls the second norm of a layer post_attention_layernorm, whether it ends the attention or begins the feed-forward.
        RmsNormLayer first = LayerNorm("input"), second = LayerNorm("post_attention");
        RmsNormLayer? third = _spec.PostNorms ? LayerNorm("pre_feedforward") : null, fourth = _spec.PostNorms ? LayerNorm("post_feedforward") : null;
        return new DecoderLayer(
            new AttentionBlock(first, queryKeyValue, queries, keys, new ResidualOutput(output, third is null ? null : second), _spec.AttentionOf(layer)),
            new FeedForwardBlock(third ?? second, gateUp, new ResidualOutput(down, fourth), _spec.HiddenAct));

        RmsNormLayer LayerNorm(string name) => Norm($"{path}.{name}_layernorm", _spec.HiddenSize);
    }

    private (Projections QueryKeyValue, LinearLayer Output, RmsNormLayer? QueryNorm, RmsNormLayer? KeyNorm) ReadAttention(string path)
    {
        int hidden = _spec.HiddenSize, queries = _spec.QuerySize, keys = _spec.KeyValueSize;
        if (_spec.FusedProjections)
        {
            LinearLayer fusedOutput = ReadOutput();
            LinearLayer fused = Linear($"{path}.qkv_proj", queries + 2 * keys, hidden, _spec.QueryKeyValueBias);
            return (new FusedProjections(fused), fusedOutput, null, null);
        }

        LinearLayer query = Linear($"{path}.q_proj", queries, hidden, _spec.QueryKeyValueBias, _spec.NumAttentionHeads);
        LinearLayer key = Linear($"{path}.k_proj", keys, hidden, _spec.QueryKeyValueBias, _spec.NumKeyValueHeads);
        LinearLayer value = Linear($"{path}.v_proj", keys, hidden, _spec.QueryKeyValueBias);
        LinearLayer output = ReadOutput();
        RmsNormLayer? queryNorm = _spec.QueryKeyNorm ? Norm($"{path}.q_norm", _spec.HeadDim) : null;
        RmsNormLayer? keyNorm = _spec.QueryKeyNorm ? Norm($"{path}.k_norm", _spec.HeadDim) : null;
        return (new SeparateProjections(query, key, value), output, queryNorm, keyNorm);

        LinearLayer ReadOutput() => Linear($"{path}.o_proj", hidden, queries, _spec.OutputBias);
    }

    private (Projections GateUp, LinearLayer Down) ReadFeedForward(string path)
    {
        int hidden = _spec.HiddenSize, middle = _spec.IntermediateSize;
        Projections gateUp = _spec.FusedProjections
            ? new FusedProjections(Linear($"{path}.gate_up_proj", 2 * middle, hidden, _spec.MlpBias))
            : new SeparateProjections(Linear($"{path}.gate_proj", middle, hidden, _spec.MlpBias), Linear($"{path}.up_proj", middle, hidden, _spec.MlpBias));
        return (gateUp, Linear($"{path}.down_proj", hidden, middle, _spec.MlpBias));
    }

    private LinearLayer Linear(string path, long outputs, long inputs, bool biased = false, int rotaryHeads = 0)
    {
        Weight weight = Add(_source.Matrix($"{path}.weight", outputs, inputs, rotaryHeads, _layerStorage));
        Weight? bias = biased ? Add(_source.Bias($"{path}.bias", outputs, rotaryHeads)) : null;
        return Add(new LinearLayer(path, _linears.Count, weight, bias));
    }

    private RmsNormLayer Norm(string path, long columns) =>
        new(Add(_source.Norm($"{path}.weight", columns)), _spec.RmsNormEps, _spec.RmsNormOffset);

    private Weight Matrix(string name, long rows, long columns) => Add(_source.Matrix(name, rows, columns, storage: _vocabularyStorage));

    private LinearLayer Add(LinearLayer linear)
    {
        _linears.Add(linear);
        return linear;
    }

    private Weight Add(Weight weight)
    {
        _weights.Add(weight);
        return weight;
    }
}
