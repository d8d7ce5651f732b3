using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Quantization;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// A decoder-only transformer on a backend: loss, gradients, logits, and generation with a cache. Weights stay in their storage until they are trained.
/// Losses and gradients are sums over tokens. Not safe for use from several threads at once; the work inside runs on the backend's threads.
/// The files and the backend must outlive the decoder.
/// </summary>
public sealed class Decoder : IDisposable
{
    /// <summary>Module path of the output head.</summary>
    public const string HeadPath = "lm_head";

    /// <summary>Module path of the embedding.</summary>
    public const string EmbeddingPath = "model.embed_tokens";

    private readonly DecoderParts _parts;
    private readonly LanguageHead _head;
    private readonly Scratch _scratch;
    private readonly SavedLayers _saved;

    private readonly Continuation _continuation;
    private readonly ParameterSet _nothing;
    private readonly RowBuffer _output;
    private ParameterSet? _weights;

    private Decoder(DecoderSpec spec, Backend backend, DecoderParts parts)
    {
        (Spec, Backend, _parts) = (spec, backend, parts);
        _scratch = new Scratch(backend, spec, backend.ActivationType);
        _head = new LanguageHead(backend, parts.FinalNorm, parts.Head, spec.FinalSoftCap, _scratch);
        _saved = new SavedLayers(backend, spec);
        _continuation = new Continuation(backend, spec, parts, _head);
        _output = new RowBuffer(backend, spec.HiddenSize, backend.ActivationType);
        _nothing = new ParameterSet(backend, []);
    }

    public DecoderSpec Spec { get; }

    public Backend Backend { get; }

    /// <summary>Linear layers in the order of the model, the head last where it is not tied.</summary>
    public IReadOnlyList<LinearLayer> Linears => _parts.Linears;

    /// <summary>Every tensor of the base model once, in Hugging Face's order and layout.</summary>
    public IReadOnlyList<Weight> Weights => _parts.Weights;

    /// <summary>The embedding (V, C).</summary>
    public Weight Embedding => _parts.Embedding.Table;

    /// <summary>The output head (V, C): one of <see cref="Weights"/>, or tied to <see cref="Embedding"/> and none of them.</summary>
    public Weight Head => _parts.Head.Weight;

    /// <summary>
    /// How many of the lowest layers are checkpointed: of what their backward pass needs they keep their input, and compute the rest again.
    /// Losses and gradients are the same bits whatever the number; 0 at first.
    /// </summary>
    public int CheckpointedLayers
    {
        get => _saved.Checkpointed;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _saved.Checkpointed = Math.Min(value, _parts.Layers.Count);
        }
    }

    /// <summary>
    /// Noise on the embedded tokens of training passes: uniform up to this over √(L·C) for a document of L tokens; 0, as at first, = none.
    /// Jain et al., "NEFTune: noisy embeddings improve instruction finetuning", 2023.
    /// </summary>
    public double EmbeddingNoiseAlpha { get; set; }

    /// <summary>What is trained now; empty where nothing is.</summary>
    public ParameterSet Trainable => _weights ?? ActiveAdapter?.Parameters ?? _nothing;

    /// <summary>The adapter that counts in every pass, or null for the base model. Switching moves no numbers.</summary>
    public Adapter? ActiveAdapter
    {
        get;
        set
        {
            if (value is not null && value.Decoder != this)
            {
                throw new ArgumentException("The adapter was made for another decoder.", nameof(value));
            }

            if (value?.Parameters is not null && _weights is not null)
            {
                throw new InvalidOperationException("All weights are trained already; an adapter cannot be trained beside them.");
            }

            _parts.Exchange(field, value);
            field = value;
        }
    }

    /// <summary>
    /// Loads a model. Raises <see cref="Codes.UnsupportedArchitecture"/>, <see cref="Codes.BadModelConfig"/>, <see cref="Codes.NoWeights"/>,
    /// <see cref="Codes.MissingTensor"/>, <see cref="Codes.WrongShape"/> or <see cref="Codes.UnsupportedTensorType"/>; nothing is allocated by what a configuration claims before the tensors agree.
    /// </summary>
    /// <param name="layerStorage">
    /// How the matrices of the decoder layers are to be held; norms and biases stay as they are, as do all where it is null.
    /// Numbers that it cannot hold are rounded, on the backend's number of threads.
    /// </param>
    /// <param name="vocabularyStorage">The same for embedding and head.</param>
    /// <param name="initial">What a model without weights begins with; null = such a model is refused.</param>
    public static Decoder Load(
        ModelFiles files, Backend backend, WeightStorage? layerStorage = null, WeightStorage? vocabularyStorage = null, InitialWeights? initial = null)
    {
        (ModelFamily family, DecoderSpec spec) = ModelFamilies.Read(files);
        return new Decoder(spec, backend, new DecoderParts(files, family, spec, backend, layerStorage, vocabularyStorage, initial));
    }

    /// <summary>From now on every weight is an F32 parameter (a tied matrix once; both its gradients are added). Cannot be undone.</summary>
    public void TrainAllWeights()
    {
        if (_weights is not null)
        {
            return;
        }

        if (ActiveAdapter?.Parameters is not null)
        {
            throw new InvalidOperationException("An adapter is trained already; switch it off first.");
        }

        _weights = new ParameterSet(Backend, Weights.Select(weight => (weight.Name, weight.Shape, weight.Decays)));
        foreach ((Weight weight, Parameter parameter) in Weights.Zip(_weights.Parameters))
        {
            Tensor value = _weights.ValueOf(parameter);
            WeightReader.Widen(Backend, weight.Base, value);
            weight.Train(value, _weights.GradientOf(parameter));
        }
    }

    /// <summary>Loss of the supervised tokens; changes nothing.</summary>
    public BatchLoss Evaluate(PackedBatch batch)
    {
        if (batch.SupervisedTokens == 0)
        {
            return default;
        }

        batch = WithVirtualTokens(batch);
        Pass pass = PassOver(batch);
        return _head.Loss(pass, batch, Forward(pass, batch.Ids, int.MaxValue), backward: false, dStream: null);
    }

    /// <summary>Loss of the supervised tokens; adds the gradient of its sum to <see cref="Trainable"/>.</summary>
    /// <param name="dropoutStream">A number of its own for every call of a run: steps and micro-batches never share dropout masks.</param>
    public BatchLoss ForwardBackward(PackedBatch batch, ulong dropoutSeed, ulong dropoutStream)
    {
        if (batch.SupervisedTokens == 0)
        {
            return default;
        }

        batch = WithVirtualTokens(batch);
        Pass pass = PassOver(batch) with { Training = true, DropoutSeed = dropoutSeed, DropoutStream = dropoutStream };
        int lowest = LowestTrained();
        Tensor stream = Forward(pass, batch.Ids, lowest);
        Tensor? dStream = lowest < _parts.Layers.Count ? _scratch.DStream.Take(batch.Tokens) : null;
        BatchLoss loss = _head.Loss(pass, batch, stream, backward: true, dStream);
        for (int layer = _parts.Layers.Count - 1; layer >= Math.Max(lowest, 0); layer--)
        {
            LayerActivations saved = _saved.Of(layer);
            if (_saved.NeedsRecomputing(layer))
            {
                _parts.Layers[layer].Recompute(pass, saved, _scratch);
            }

            _parts.Layers[layer].Backward(pass, saved, _scratch, dStream!, inputGradient: layer > lowest);
        }

        if (lowest < 0)
        {
            _parts.Embedding.Backward(pass, batch.Ids, dStream!);
        }

        ActiveAdapter?.EndBackward();

        return loss;
    }

    /// <summary>
    /// Bytes of the rows that <see cref="ForwardBackward"/> keeps and works on for a batch of so many tokens, all supervised; weights, parameters and
    /// the backend's own memory are not in it. For what is trained now.
    /// </summary>
    public long StepBytes(long tokens, int checkpointedLayers)
    {
        return tokens * (_saved.BytesPerToken(Math.Max(LowestTrained(), 0), checkpointedLayers) + _scratch.BytesPerToken + _output.BytesPerRow
            + _head.BytesPerToken + (ActiveAdapter?.BytesPerToken ?? 0)) + _head.FixedBytes;
    }

    /// <summary>The residual stream (T, C) before a layer.</summary>
    internal void ReadStream(PackedBatch batch, int layer, Span<float> values)
    {
        Forward(PassOver(batch), batch.Ids, firstSaved: 0);
        Backend.Read(_saved.Of(layer).Input.Take(batch.Tokens), values);
    }

    /// <summary>Logits of some rows of a batch, (rows, V).</summary>
    public void Logits(PackedBatch batch, ReadOnlySpan<int> rows, Span<float> logits)
    {
        PackedBatch whole = WithVirtualTokens(batch);
        Pass pass = PassOver(whole);
        _head.Logits(pass, Forward(pass, whole.Ids, int.MaxValue), whole.RowsBehind(VirtualRows, rows), logits);
    }

    /// <summary>A cache for one document of at most <paramref name="capacity"/> tokens.</summary>
    public KvCache CreateCache(int capacity) => new(Backend, Spec, capacity);

    /// <summary>
    /// Lets tokens follow those in the cache, and gives the logits (V) after the last of them. Raises <see cref="InvalidOperationException"/>
    /// where the cache has no room.
    /// </summary>
    public void Append(KvCache cache, ReadOnlySpan<int> ids, Span<float> lastLogits)
    {
        ArgumentOutOfRangeException.ThrowIfZero(ids.Length, nameof(ids));
        ActiveAdapter?.BeginPass(training: false);
        _continuation.Append(cache, ids, ActiveAdapter, lastLogits);
    }

    public void Dispose()
    {
        _saved.Dispose();
        _scratch.Dispose();
        _continuation.Dispose();
        _output.Dispose();
        _head.Dispose();
        _parts.Dispose();
        _weights?.Dispose();
        _nothing.Dispose();
    }

    /// <summary>Rows of a batch that the active adapter puts before each document.</summary>
    private int VirtualRows => ActiveAdapter?.Prompt?.Count ?? 0;

    private PackedBatch WithVirtualTokens(PackedBatch batch) => VirtualRows > 0 ? batch.WithRowsBefore(VirtualRows) : batch;

    /// <summary>Positions begin behind a prefix, which has no rows of its own.</summary>
    private Pass PassOver(PackedBatch batch) => new(
        Backend, ActiveAdapter?.Prefix is { } prefix ? [.. batch.Positions.Select(position => position + prefix[0].Count)] : batch.Positions, batch.DocumentStarts);

    /// <summary>The lowest layer with a trained parameter: −1 = the embedding, the number of layers = only norm and head.</summary>
    private int LowestTrained()
    {
        if (_parts.Embedding.Trains)
        {
            return -1;
        }

        int layer = 0;
        while (layer < _parts.Layers.Count && !_parts.Layers[layer].Trains)
        {
            layer++;
        }

        return layer;
    }

    /// <summary>The residual stream (T, C) after the last layer. Layers from <paramref name="firstSaved"/> on keep what their backward pass needs.</summary>
    private Tensor Forward(Pass pass, ReadOnlySpan<int> ids, int firstSaved)
    {
        Tensor x = StreamInto(0);
        ActiveAdapter?.BeginPass(pass.Training);
        _parts.Embedding.Forward(pass, ids, x);
        if (pass.Training && EmbeddingNoiseAlpha > 0)
        {
            Backend.AddNoise(x, pass.PerToken(length => (float)(EmbeddingNoiseAlpha / Math.Sqrt((double)length * Spec.HiddenSize))), pass.DropoutSeed, pass.DropoutStream);
        }

        for (int layer = 0; layer < _parts.Layers.Count; layer++)
        {
            bool saves = layer >= firstSaved;
            LayerActivations saved = saves ? _saved.Of(layer) : _saved.Shared;
            Tensor next = StreamInto(layer + 1);
            _parts.Layers[layer].Forward(pass, saved, _scratch, x, saves ? saved.Middle.Take(pass.Tokens) : x, next);
            x = next;
        }

        return x;

        Tensor StreamInto(int layer)
        {
            RowBuffer rows = layer < firstSaved ? _saved.Shared.Input : layer < _parts.Layers.Count ? _saved.Of(layer).Input : _output;
            return rows.Take(pass.Tokens);
        }
    }
}
