using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>
/// How far the scores of a model may move when its weights are stored in an element type.
/// Rounding moves every weight by a share that the type implies; the layers pass that on to the scores amplified. The bound is
/// share · <see cref="Amplification"/>: the first from the type, the second measured.
/// </summary>
public static class ParityBounds
{
    /// <summary>
    /// Relative error of the scores over relative error of the weights. SmolLM2-135M with an adapter, exported as F16, BF16 and Q8_0 or with noise of
    /// the size of coarser types in its matrices, shows 8 to 10 throughout; other models may be as much as two and a half times as sensitive.
    /// </summary>
    public const double Amplification = 25;

    /// <summary>No bound may let pass scores that have nothing to do with the reference, whose relative error is 1 or more.</summary>
    public const double Largest = 0.9;

    /// <summary>What two orders of summation in F32 make of the same weights.</summary>
    public const double Smallest = 1e-3;

    /// <summary>Root mean square of the rounding error relative to that of normally distributed weights.</summary>
    public static double WeightError(ElementType type) => type switch
    {
        ElementType.F64 or ElementType.F32 => 0,
        ElementType.F16 => 2e-4,
        ElementType.BF16 => 1.7e-3,
        ElementType.Q8_0 => 5e-3,
        ElementType.Q6_K => 0.018,
        ElementType.Q5_K or ElementType.Q5_1 or ElementType.Q5_0 => 0.04,
        ElementType.Q4_K or ElementType.Q4_1 or ElementType.Q4_0 or ElementType.IQ4_NL => 0.09,
        _ => 0.2,
    };

    /// <summary>The coarsest type among the matrices of a model.</summary>
    public static ElementType Coarsest(ModelFiles files) =>
        files.Tensors.Where(tensor => tensor.Shape.Rank > 1).Select(tensor => tensor.Type).DefaultIfEmpty(ElementType.F32).MaxBy(WeightError);

    /// <summary>Largest allowed relative error of the scores.</summary>
    public static double ScoreError(ElementType type) => Math.Clamp(WeightError(type) * Amplification, Smallest, Largest);
}
