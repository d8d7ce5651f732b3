using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Speed;

/// <summary>A way to hold the base model while an adapter is trained on it.</summary>
/// <param name="Quantization">Its word on the command line.</param>
public sealed record TrainingMode(string Quantization)
{
    /// <summary>Every matrix in the type of activations: BF16, or F32.</summary>
    public static TrainingMode Plain { get; } = new("none");

    /// <summary>Layers in NF4, their scales quantised too; embedding and head as in the files (Dettmers et al. 2023).</summary>
    public static TrainingMode NF4 { get; } = new("nf4");

    /// <summary>Every matrix as in the files.</summary>
    public static TrainingMode Keep { get; } = new("keep");

    public static IReadOnlyList<TrainingMode> All { get; } = [Plain, NF4, Keep];

    /// <summary>Those that differ for a model: files that hold every matrix in the type of activations are plain already.</summary>
    public static IReadOnlyList<TrainingMode> For(ModelFiles files, ElementType activationType) =>
        [.. All.Where(mode => mode != Keep || Matrices(files).Any(tensor => tensor.Type != activationType))];

    /// <summary>Its name in a table.</summary>
    public string Title(ModelFiles files, ElementType activationType) =>
        this == Plain ? $"LoRA {activationType}" : this == NF4 ? "QLoRA NF4, double quantisation" : $"LoRA on the file, {MainType(files)}";

    internal Decoder Load(ModelFiles files, Backend backend)
    {
        var plain = new WeightStorage(backend.ActivationType);
        return this == Plain ? Decoder.Load(files, backend, plain, plain)
            : this == NF4 ? Decoder.Load(files, backend, new WeightStorage(ElementType.NF4, doubleQuantization: true))
            : Decoder.Load(files, backend);
    }

    /// <summary>The type of most weights.</summary>
    private static ElementType MainType(ModelFiles files) =>
        Matrices(files).GroupBy(tensor => tensor.Type).MaxBy(group => group.Sum(tensor => tensor.Shape.Count))!.Key;

    private static IEnumerable<StoredTensor> Matrices(ModelFiles files) => files.Tensors.Where(tensor => tensor.Shape.Rank > 1);
}
