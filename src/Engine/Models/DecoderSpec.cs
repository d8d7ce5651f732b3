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

    /// <summary>Sliding window of each layer in tokens, 0 = none; empty where no layer has one.</summary>
    public IReadOnlyList<int> SlidingWindows { get; init; } = [];

    /// <summary>Columns of the query projection: heads · head dim, which need not be <see cref="HiddenSize"/>.</summary>
    public int QuerySize => NumAttentionHeads * HeadDim;

    /// <summary>Columns of the key and of the value projection.</summary>
    public int KeyValueSize => NumKeyValueHeads * HeadDim;

    public AttentionShape AttentionOf(int layer) => new(
        NumAttentionHeads, NumKeyValueHeads, HeadDim, (float)(1 / Math.Sqrt(HeadDim)), SlidingWindows.Count == 0 ? 0 : SlidingWindows[layer]);
}
