using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Stages;

/// <summary>The arithmetic that a project or a command line asks for, as the type of a backend's activations.</summary>
public static class ComputeTypes
{
    /// <summary>For training and measuring: <c>auto</c> is BF16 where the processor multiplies it faster than F32.</summary>
    public static ElementType ForTraining(string compute) => compute == "auto" && CpuBackend.AcceleratesBFloat16 ? ElementType.BF16 : Explicit(compute);

    /// <summary>For single answers and scores, which memory bounds: <c>auto</c> is F32.</summary>
    public static ElementType ForAnswers(string compute) => Explicit(compute);

    private static ElementType Explicit(string compute) => compute == "bf16" ? ElementType.BF16 : ElementType.F32;
}
