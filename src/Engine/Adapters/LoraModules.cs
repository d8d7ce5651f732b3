using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>What a LoRA adapter changes in one decoder, and the tensors that takes: the one list that making, reading and writing share.</summary>
/// <param name="Linears">Layers with a branch, in the order of the model.</param>
/// <param name="Embedding">The embedding has a branch.</param>
internal sealed record LoraModules(Decoder Decoder, LoraSettings Settings, IReadOnlyList<LinearLayer> Linears, bool Embedding)
{
    /// <summary>Weights that are trained as a whole, with their names in the file: biases by <see cref="LoraSettings.Bias"/>, and <see cref="LoraSettings.ModulesToSave"/>.</summary>
    public IReadOnlyList<(Weight Weight, string Name)> Whole { get; } = [.. Biases(Decoder, Settings, Linears), .. Saved(Decoder, Settings)];

    public IReadOnlyList<AdapterTensor> Tensors() =>
    [
        .. Linears.SelectMany(TensorsOf),
        .. Embedding ? TensorsOfEmbedding() : [],
        .. Whole.Select(whole => new AdapterTensor(whole.Name, whole.Weight.Shape, whole.Weight.Decays)),
    ];

    private IEnumerable<AdapterTensor> TensorsOf(LinearLayer linear)
    {
        int rank = Settings.RankOf(linear.Path);
        yield return new AdapterTensor(PeftNames.A(linear.Path), new Shape(rank, linear.InFeatures));
        yield return new AdapterTensor(PeftNames.B(linear.Path), new Shape(linear.OutFeatures, rank));
        if (Settings.LoraBias)
        {
            yield return new AdapterTensor(PeftNames.BiasOfB(linear.Path), new Shape(linear.OutFeatures), Decays: false);
        }

        if (Settings.UseDora)
        {
            yield return new AdapterTensor(PeftNames.Magnitude(linear.Path), new Shape(linear.OutFeatures));
        }
    }

    /// <summary>A is kept by tokens, so that looking one up reads one row.</summary>
    private AdapterTensor[] TensorsOfEmbedding()
    {
        int rank = Settings.RankOf(Decoder.EmbeddingPath);
        Shape table = Decoder.Embedding.Shape;
        return
        [
            new AdapterTensor(PeftNames.EmbeddingA(Decoder.EmbeddingPath), new Shape(rank, table[0]), Width: 1),
            new AdapterTensor(PeftNames.EmbeddingB(Decoder.EmbeddingPath), new Shape(table[1], rank)),
        ];
    }

    private static IEnumerable<(Weight, string)> Biases(Decoder decoder, LoraSettings settings, IReadOnlyList<LinearLayer> linears) =>
        from linear in settings.Bias switch { "none" => [], "all" => decoder.Linears, _ => linears }
        where linear.Bias is not null
        select (linear.Bias!, linears.Contains(linear) ? PeftNames.BaseBias(linear.Path) : PeftNames.Whole(linear.Bias!.Name));

    private static IEnumerable<(Weight, string)> Saved(Decoder decoder, LoraSettings settings) =>
        from weight in LoraTargets.Weights(decoder)
        where settings.ModulesToSave.Any(name => LoraTargets.IsSavedBy(weight, name))
        select (weight, PeftNames.Whole(weight.Name));
}
