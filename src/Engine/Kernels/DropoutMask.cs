using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Inverted dropout over a matrix with rows of <paramref name="columns"/> elements, made anew wherever it is needed:
/// element (t, k) is kept where Uniform(t·columns + k) ≥ probability and then divided by 1 − probability.
/// </summary>
internal readonly struct DropoutMask(float probability, CounterRandom random, long columns)
{
    public static readonly DropoutMask None;

    public readonly float Probability = probability;

    public readonly CounterRandom Random = random;

    public readonly long Columns = columns;

    /// <summary>Factor on kept elements.</summary>
    public readonly float KeepScale = 1 / (1 - probability);

    /// <summary>The smallest 32-bit number that is kept: the uniform number is its upper 24 bits.</summary>
    public uint Threshold => (uint)Math.Ceiling((double)Probability * (1 << 24)) << 8;

    public bool IsActive => Probability > 0;

    public ulong Index(long row, long column) => (ulong)(row * Columns + column);
}
