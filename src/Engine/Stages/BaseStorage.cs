using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Stages;

/// <summary>
/// How a project holds the layers of its base model while an adapter is trained on them and used with them: every stage that runs both holds them alike,
/// so that adapter, merged folder and GGUF file are the same model.
/// </summary>
public static class BaseStorage
{
    /// <summary>The storage that settings ask for; null = as the files have it.</summary>
    /// <param name="model">Path of the base model.</param>
    /// <exception cref="FineTuneException">FT0001: qlora without quantisation on weights that are not quantised.</exception>
    public static WeightStorage? Of(RunSettings settings, string model)
    {
        using ModelFiles files = ModelFiles.Open(model);
        return Of(settings, files, SourcePosition.None);
    }

    internal static WeightStorage? Of(RunSettings settings, ModelFiles files, SourcePosition place)
    {
        if (settings.IsFull)
        {
            return null;
        }

        bool quantized = files.Tensors.Any(tensor => tensor.Type.IsQuantized()) || BitsAndBytesWeights.AreIn(files.Tensors);
        if (settings.Quantization == "none" && settings.FineTuneMethod == "qlora" && !quantized)
        {
            throw new FineTuneException(Codes.BadSetting, $"Quantization is none, but FineTuneMethod is qlora and the weights of {settings.BaseModel} are not quantised.",
                "Remove Quantization or set it to nf4, use a .gguf file of a block type such as Q4_1 as BaseModel, or choose lora.", place);
        }

        return settings.Quantization != "auto" ? Named(settings.Quantization, settings.DoubleQuantization)
            : !quantized && (settings.FineTuneMethod == "qlora" || TrainingBudget.AsksForQuantization(settings, files)) ? Named("nf4", settings.DoubleQuantization)
            : null;
    }

    /// <summary>The storage of a word of the setting Quantization; null for none.</summary>
    public static WeightStorage? Named(string quantization, bool doubleQuantization) => quantization switch
    {
        "nf4" => new WeightStorage(ElementType.NF4, doubleQuantization),
        "fp4" => new WeightStorage(ElementType.FP4, doubleQuantization),
        _ => null,
    };

    /// <summary>What happens to the weights of a model that is held so, for the log.</summary>
    internal static string Describe(WeightStorage storage, ModelFiles files)
    {
        IReadOnlyList<string> blocks = BitsAndBytesWeights.AreIn(files.Tensors) ? ["4-bit blocks"]
            : [.. files.Tensors.Select(tensor => tensor.Type).Where(type => type.IsQuantized()).Distinct().Select(type => type.ToString())];
        return blocks.Count == 0 ? $"the weights of the layers are held as {storage}"
            : $"the weights of the layers are decoded from {string.Join(", ", blocks)} and quantised again as {storage}";
    }
}
