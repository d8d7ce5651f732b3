using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Training.Optimizers;

/// <summary>
/// LoRA+ (Hayou, Ghosh and Yu 2024): the matrices B learn faster than A. As in PEFT, so do vectors, and both matrices of an embedding learn at a rate of
/// their own, slowly.
/// </summary>
internal static class LoraPlus
{
    private const double EmbeddingRate = 1e-6;

    /// <summary>What a parameter's learning rate is multiplied by.</summary>
    public static double RateFactor(Parameter parameter, TrainingSettings settings) =>
        settings.LoraPlusLrRatio == 1 || settings.LearningRate == 0 ? 1
        : parameter.Name.Contains(".lora_embedding_", StringComparison.Ordinal) ? EmbeddingRate / settings.LearningRate
        : parameter.Shape.Rank == 1 || parameter.Name.Contains(".lora_B.", StringComparison.Ordinal) ? settings.LoraPlusLrRatio : 1;
}
