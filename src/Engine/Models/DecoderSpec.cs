using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// A decoder-only transformer as its family describes it: Hugging Face's fields, with what the family hard-wires made explicit.
/// Whoever makes one has checked the ranges; the tensors of the file are checked against it before anything is allocated.
/// </summary>
public sealed record DecoderSpec
{
    public required string ModelType { get; init; }

    public required int VocabSize { get; init; }

    public required int HiddenSize { get; init; }

    public required int IntermediateSize { get; init; }

    public required int NumHiddenLayers { get; init; }

    public required int NumAttentionHeads { get; init; }

    public required int NumKeyValueHeads { get; init; }

    public required int HeadDim { get; init; }

    /// <summary>Context the model was trained for, in tokens. Nothing is allocated by it.</summary>
    public required int MaxPositionEmbeddings { get; init; }

    public required float RmsNormEps { get; init; }

    public required RopeParameters Rope { get; init; }

    /// <summary>The output head is the embedding matrix.</summary>
    public required bool TieWordEmbeddings { get; init; }

    public Activation HiddenAct { get; init; } = Activation.Silu;

    /// <summary>q_proj, k_proj and v_proj have a bias.</summary>
    public bool QueryKeyValueBias { get; init; }

    /// <summary>o_proj has a bias.</summary>
    public bool OutputBias { get; init; }

    /// <summary>gate_proj, up_proj and down_proj have a bias.</summary>
    public bool MlpBias { get; init; }

    /// <summary>One matrix makes queries, keys and values (<c>qkv_proj</c>), another gate and up (<c>gate_up_proj</c>).</summary>
    public bool FusedProjections { get; init; }

    /// <summary>Added to the weight of every norm: 1 in families that store what it differs from one.</summary>
    public float RmsNormOffset { get; init; }

    /// <summary>Queries and keys are normed head by head before they are turned. Dehghani et al. 2023.</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>Attention and feed-forward each end in one more norm, before the residual is added.</summary>
    public bool PostNorms { get; init; }

    /// <summary>Factor on the embeddings that enter the first layer.</summary>
    public float EmbeddingScale { get; init; } = 1;

    /// <summary>Dot products of queries and keys are divided by its root; null = <see cref="HeadDim"/>.</summary>
    public double? QueryPreAttnScalar { get; init; }

    /// <summary>Soft cap of attention scores, 0 = none.</summary>
    public float AttentionSoftCap { get; init; }

    /// <summary>Soft cap of logits, 0 = none.</summary>
    public float FinalSoftCap { get; init; }

    /// <summary>The first dims of each head that the rotary embedding turns; all unless set.</summary>
    public int RotaryDims { get => field > 0 ? field : HeadDim; init; }

    /// <summary>Sliding window of each layer in tokens, 0 = none; empty where no layer has one.</summary>
    public IReadOnlyList<int> SlidingWindows { get; init; } = [];

    /// <summary>The rotary embedding of layers with a sliding window, where it is not <see cref="Rope"/>.</summary>
    public RopeParameters? LocalRope { get; init; }

    /// <summary>Columns of the query projection: heads · head dim, which need not be <see cref="HiddenSize"/>.</summary>
    public int QuerySize => NumAttentionHeads * HeadDim;

    /// <summary>Columns of the key and of the value projection.</summary>
    public int KeyValueSize => NumKeyValueHeads * HeadDim;

    /// <summary>Sliding window of a layer, 0 = none.</summary>
    public int WindowOf(int layer) => SlidingWindows.Count == 0 ? 0 : SlidingWindows[layer];

    public AttentionShape AttentionOf(int layer) => new(
        NumAttentionHeads, NumKeyValueHeads, HeadDim, (float)(1 / Math.Sqrt(QueryPreAttnScalar ?? HeadDim)), WindowOf(layer), AttentionSoftCap);

    public RopeParameters RopeOf(int layer) => WindowOf(layer) > 0 ? LocalRope ?? Rope : Rope;
}
