using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Inverted dropout over a matrix with rows of <paramref name="columns"/> elements, made anew wherever it is needed:
/// element (t, k) is kept where UInt16(t·columns + k) ≥ probability·2¹⁶ and then divided by the share that is kept. Probabilities are multiples of 2⁻¹⁶.
/// </summary>
internal readonly struct DropoutMask(float probability, CounterRandom random, long columns)
{
    public static readonly DropoutMask None;

    /// <summary>The smallest 16-bit number that is kept.</summary>
    public readonly ushort Threshold = (ushort)Math.Clamp(Math.Round(probability * 65536.0), probability > 0 ? 1 : 0, 65535);

    public readonly CounterRandom Random = random;

    public readonly long Columns = columns;

    /// <summary>Factor on kept elements.</summary>
    public float KeepScale => 65536f / (65536 - Threshold);

    public bool IsActive => Threshold > 0;

    public ulong Index(long row, long column) => (ulong)(row * Columns + column);
}
