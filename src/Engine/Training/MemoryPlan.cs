using System.Globalization;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Training;

/// <summary>
/// How much memory a run will take at most, by the layers that are checkpointed, and how many of them a limit asks for.
/// Weights count as if all of them had to stay in memory, whether they are a file's pages or not.
/// </summary>
/// <param name="decoder">With what it trains already in place.</param>
/// <param name="tokens">Tokens of the largest batch.</param>
public sealed class MemoryPlan(Decoder decoder, long tokens)
{
    /// <summary>The runtime with its compiled code and heap, and memory of the kernels that does not grow with the batch, such as a chunk of logits.</summary>
    private const long FixedBytes = 160L << 20;

    /// <summary>Value, gradient, and two moments of the optimizer.</summary>
    private const int NumbersPerParameter = 4;

    /// <summary>Of these the run finds two in place.</summary>
    private const int NumbersInPlace = 2;

    /// <summary>Share of the free memory that a run may take: others need some, too.</summary>
    private const double FreeShare = 0.9;

    /// <summary>Bytes of the whole process while it trains.</summary>
    public long PeakBytes(int checkpointedLayers) =>
        FixedBytes + FrozenBytes + NumbersPerParameter * sizeof(float) * decoder.Trainable.Count + decoder.StepBytes(tokens, checkpointedLayers) + KernelBytes;

    /// <summary>The fewest layers with which the run keeps to a limit in bytes; all of them where it cannot.</summary>
    public int LayersWithin(long limit)
    {
        int layers = 0;
        while (layers < decoder.Spec.NumHiddenLayers && PeakBytes(layers) > limit)
        {
            layers++;
        }

        return layers;
    }

    /// <summary>The limit where nobody set one: what is free now, less a margin, and what the run has taken of it already.</summary>
    public long FreeLimit() => (long)(FreeShare * MachineMemory.FreeBytes()) + NumbersInPlace * sizeof(float) * decoder.Trainable.Count;

    /// <summary>An amount of memory in MiB, as messages say it.</summary>
    public static string Text(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:N0} MiB");

    private long FrozenBytes => decoder.Weights.Where(weight => weight.Gradient is null).Sum(weight => weight.Value.Type.Bytes(weight.Shape.Count));

    /// <summary>Masked inputs and turned rows of the widest layer.</summary>
    private long KernelBytes => tokens * decoder.Spec.IntermediateSize * (sizeof(float) + 2 * sizeof(ushort));
}
