using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Speed;

/// <summary>What is measured: a batch of equal rows, and the adapter that is trained on it.</summary>
public sealed record SpeedSettings
{
    /// <summary>Documents of a batch.</summary>
    public int Rows { get; init; } = 4;

    /// <summary>Tokens of each document, and of the prompt.</summary>
    public int SequenceLength { get; init; } = 512;

    public int Rank { get; init; } = 16;

    /// <summary>Share of each document that is learnt: its last tokens.</summary>
    public double SupervisedShare { get; init; } = 1;

    /// <summary>Steps that are timed, after one that warms up. The best counts.</summary>
    public int Runs { get; init; } = 3;

    /// <summary>Every layer keeps its input and the attention's result alone, and computes the rest again.</summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>0 = one for each core.</summary>
    public int Threads { get; init; }

    /// <summary>Numbers of activations and products of whole batches: F32 or BF16.</summary>
    public ElementType ActivationType { get; init; }
}
