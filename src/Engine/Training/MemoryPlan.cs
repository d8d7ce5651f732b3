using System.Globalization;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Training.Optimizers;

namespace FineTuneTool.Engine.Training;

/// <summary>
/// How much memory a run will take at most, and what it must give to keep to a limit. Weights count as if all of them had to stay in memory,
/// whether they are a file's pages or not.
/// </summary>
/// <param name="decoder">With what it trains already in place.</param>
/// <param name="tokens">Tokens of the largest batch by its rows.</param>
/// <param name="layerStorage">How the matrices of the layers will be held where the decoder does not hold them so yet.</param>
public sealed class MemoryPlan(Decoder decoder, OptimizerKind optimizer, Func<int, long> tokens, WeightStorage? layerStorage = null)
{
    /// <summary>The runtime with its compiled code and heap, and memory of the kernels that does not grow with the batch.</summary>
    private const long FixedBytes = 100L << 20;

    /// <summary>Numbers of a parameter that the run finds in place: value and gradient.</summary>
    private const int NumbersInPlace = 2;

    /// <summary>Share of the free memory that a run may take: others need some, too.</summary>
    private const double FreeShare = 0.9;

    /// <summary>Bytes of the whole process while it trains.</summary>
    public long PeakBytes(MemoryChoice choice) => FixedBytes + FrozenBytes + TrainedBytes(choice) + BatchBytes(choice);

    /// <summary>Bytes of the weights that are not trained.</summary>
    public long FrozenBytes
    {
        get
        {
            IEnumerable<Weight> layers = layerStorage is null ? [] : decoder.Linears.Where(linear => linear.Path != Decoder.HeadPath).Select(linear => linear.Weight);
            HashSet<Weight> converted = [.. layers];
            return decoder.Weights.Where(weight => weight.Gradient is null).Sum(
                weight => (converted.Contains(weight) ? layerStorage!.Type : weight.Value.Type).Bytes(weight.Shape));
        }
    }

    /// <summary>Bytes of what is trained: values, gradients, and what the optimizer keeps in memory.</summary>
    public long TrainedBytes(MemoryChoice choice) => ParameterBytes + (choice.PagesState ? 0 : optimizer.StateBytes(decoder.Trainable));

    /// <summary>Bytes that the largest batch takes.</summary>
    public long BatchBytes(MemoryChoice choice)
    {
        long rows = tokens(choice.MicroBatchSize);
        return decoder.StepBytes(rows, choice.CheckpointedLayers) + KernelBytes(rows);
    }

    /// <summary>
    /// The cheapest choice that keeps to a limit in bytes: smaller micro-batches first, where they may be, then checkpointed layers, then state in a file,
    /// where the optimizer is a paged one. Everything is given where nothing suffices.
    /// </summary>
    /// <param name="microBatchSizes">Those that may be chosen, the wanted one first.</param>
    /// <param name="checkpointing">Layers may be checkpointed; else they are as in <paramref name="layers"/>.</param>
    /// <param name="layers">Checkpointed at least.</param>
    public MemoryChoice Within(long limit, IReadOnlyList<int> microBatchSizes, bool checkpointing, int layers = 0)
    {
        MemoryChoice choice = new(layers, microBatchSizes[0]);
        for (int size = 1; size < microBatchSizes.Count && PeakBytes(choice) > limit; size++)
        {
            choice = choice with { MicroBatchSize = microBatchSizes[size] };
        }

        while (checkpointing && choice.CheckpointedLayers < decoder.Spec.NumHiddenLayers && PeakBytes(choice) > limit)
        {
            choice = choice with { CheckpointedLayers = choice.CheckpointedLayers + 1 };
        }

        return PeakBytes(choice) > limit && optimizer.IsPaged ? choice with { PagesState = true } : choice;
    }

    /// <summary>The limit where nobody set one: what is free now, less a margin, and what the run has taken of it already.</summary>
    /// <param name="trainedInPlace">Whether values and gradients are in memory already.</param>
    public long FreeLimit(bool trainedInPlace) => (long)(FreeShare * MachineMemory.FreeBytes()) + (trainedInPlace ? ParameterBytes : 0);

    /// <summary>An amount of memory in MiB, as messages say it.</summary>
    public static string Text(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:N0} MiB");

    private long ParameterBytes => NumbersInPlace * sizeof(float) * decoder.Trainable.Count;

    /// <summary>Masked inputs and turned rows of the widest layer, and a chunk of logits.</summary>
    private long KernelBytes(long rows) =>
        rows * decoder.Spec.IntermediateSize * (sizeof(float) + 2 * sizeof(ushort)) + CpuBackend.LogitBytes(rows, decoder.Spec.VocabSize);
}
