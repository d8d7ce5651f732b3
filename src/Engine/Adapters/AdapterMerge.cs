using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Adapters;

/// <summary>The model that base and adapter make together, tensor by tensor; neither is changed, and one tensor's rows at a time are in memory.</summary>
public static class AdapterMerge
{
    /// <summary>
    /// Every tensor of the decoder once, in Hugging Face's order and layout, with what an adapter (null = the base as it is) makes of it. A tied head comes
    /// last and by itself where <see cref="Unties"/>.
    /// </summary>
    public static IEnumerable<MergedWeight> Weights(Decoder decoder, Adapter? adapter)
    {
        if (adapter is not null && adapter.Decoder != decoder)
        {
            throw new ArgumentException("The adapter was made for another decoder.", nameof(adapter));
        }

        if (adapter?.WhyNotMergeable is { } why)
        {
            throw new FineTuneException(
                Codes.AdapterNotMergeable, $"{why}, so the adapter cannot be merged or exported as GGUF.",
                "Use base and adapter together, as finetune chat BASE --adapter FOLDER does, or train with FineTuneMethod lora.");
        }

        Dictionary<Weight, MergedWeight.Change> changes = [];
        foreach ((LinearLayer linear, LinearBranch branch) in adapter?.Branches ?? new Dictionary<LinearLayer, LinearBranch>())
        {
            changes[linear.Weight] = branch.Merge;
            if (branch.NeedsBias && linear.Bias is null)
            {
                throw NoBias(linear);
            }

            if (linear.Bias is not null && branch.ChangesBias)
            {
                changes[linear.Bias] = (backend, rows, _) => branch.MergeBias(backend, rows);
            }
        }

        if (adapter?.Embedding is { } embedding)
        {
            changes[decoder.Embedding] = embedding.Merge;
        }

        IEnumerable<Weight> weights = Unties(decoder, adapter) ? [.. decoder.Weights, decoder.Head] : decoder.Weights;
        return weights.Select(weight => new MergedWeight(decoder.Backend, weight, adapter?.Replacements.GetValueOrDefault(weight), changes.GetValueOrDefault(weight)));
    }

    /// <summary>Whether the merged model needs a head of its own where the base's head is its embedding: the adapter changes one of the two.</summary>
    public static bool Unties(Decoder decoder, Adapter? adapter) =>
        decoder.Head.IsTied && adapter is not null
        && (adapter.Embedding is not null || adapter.Replacements.ContainsKey(decoder.Embedding) || adapter.Replacements.ContainsKey(decoder.Head));

    private static FineTuneException NoBias(LinearLayer linear) => new(
        Codes.UnsupportedAdapter, $"The adapter gives '{linear.Path}' a bias (lora_bias), but that layer has none to merge it into.",
        "Use base and adapter together instead of a merged model.");
}
