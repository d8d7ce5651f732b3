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

    /// <param name="layerStorage">For the matrices of the decoder layers; null = as they are stored.</param>
    /// <param name="vocabularyStorage">For embedding and head.</param>
    public DecoderParts(
        ModelFiles files, ModelFamily family, DecoderSpec spec, Backend backend, WeightStorage? layerStorage, WeightStorage? vocabularyStorage)
    {
        (_spec, _source, _layerStorage, _vocabularyStorage) = (spec, new WeightSource(files, family, backend), layerStorage, vocabularyStorage);
        Rotary = new RotaryEmbedding(backend, spec.Rope, spec.HeadDim);
        try
        {
            Embedding = Matrix("model.embed_tokens.weight", spec.VocabSize, spec.HiddenSize);
            var layers = new List<DecoderLayer>();
            for (int layer = 0; layer < spec.NumHiddenLayers; layer++)
            {
                layers.Add(ReadLayer(layer));
            }

            Layers = layers;
            FinalNorm = Norm("model.norm");
            Head = spec.TieWordEmbeddings ? new LinearLayer(Decoder.HeadPath, _linears.Count, Embedding, null)
                : Add(new LinearLayer(Decoder.HeadPath, _linears.Count, Matrix($"{Decoder.HeadPath}.weight", spec.VocabSize, spec.HiddenSize), null));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public RotaryEmbedding Rotary { get; }

    public Weight Embedding { get; }

    public IReadOnlyList<DecoderLayer> Layers { get; }

    public RmsNormLayer FinalNorm { get; }

    /// <summary>The output head; of tied models its weight is <see cref="Embedding"/> and <see cref="Linears"/> lacks it.</summary>
    public LinearLayer Head { get; }

    public IReadOnlyList<LinearLayer> Linears => _linears;

    /// <summary>Every tensor once, in the order in which Hugging Face names parameters.</summary>
    public IReadOnlyList<Weight> Weights => _weights;

    public void Dispose()
    {
        _weights.ForEach(weight => weight.Dispose());
        Rotary.Dispose();
    }

    private DecoderLayer ReadLayer(int layer)
    {
        string path = $"model.layers.{layer}";
        int hidden = _spec.HiddenSize, middle = _spec.IntermediateSize, queries = _spec.QuerySize, keys = _spec.KeyValueSize;
        LinearLayer q = Linear($"{path}.self_attn.q_proj", queries, hidden, _spec.QueryKeyValueBias, _spec.NumAttentionHeads);
        LinearLayer k = Linear($"{path}.self_attn.k_proj", keys, hidden, _spec.QueryKeyValueBias, _spec.NumKeyValueHeads);
        LinearLayer v = Linear($"{path}.self_attn.v_proj", keys, hidden, _spec.QueryKeyValueBias);
        LinearLayer o = Linear($"{path}.self_attn.o_proj", hidden, queries, _spec.OutputBias);
        LinearLayer gate = Linear($"{path}.mlp.gate_proj", middle, hidden, _spec.MlpBias);
        LinearLayer up = Linear($"{path}.mlp.up_proj", middle, hidden, _spec.MlpBias);
        LinearLayer down = Linear($"{path}.mlp.down_proj", hidden, middle, _spec.MlpBias);
        return new DecoderLayer(
            new AttentionBlock(Norm($"{path}.input_layernorm"), q, k, v, o, Rotary, _spec.AttentionOf(layer)),
            new FeedForwardBlock(Norm($"{path}.post_attention_layernorm"), gate, up, down, _spec.HiddenAct));
    }

    private LinearLayer Linear(string path, long outputs, long inputs, bool biased = false, int rotaryHeads = 0)
    {
        Weight weight = Add(_source.Matrix($"{path}.weight", outputs, inputs, rotaryHeads, _layerStorage));
        Weight? bias = biased ? Add(_source.Vector($"{path}.bias", outputs, rotaryHeads)) : null;
        return Add(new LinearLayer(path, _linears.Count, weight, bias));
    }

    private RmsNormLayer Norm(string path) => new(Add(_source.Vector($"{path}.weight", _spec.HiddenSize)), _spec.RmsNormEps);

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
