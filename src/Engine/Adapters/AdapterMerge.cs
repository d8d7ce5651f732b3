using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Adapters;

/// <summary>The model that base and adapter make together, tensor by tensor; neither is changed, and one tensor's rows at a time are in memory.</summary>
public static class AdapterMerge
{
    /// <summary>Every tensor of the decoder once, in Hugging Face's order and layout, with the branches of an adapter (null = the base as it is) added.</summary>
    public static IEnumerable<MergedWeight> Weights(Decoder decoder, Adapter? adapter)
    {
        if (adapter is not null && adapter.Decoder != decoder)
        {
            throw new ArgumentException("The adapter was made for another decoder.", nameof(adapter));
        }

        var branches = (adapter?.Branches ?? new Dictionary<LinearLayer, LowRankBranch>()).ToDictionary(pair => pair.Key.Weight, pair => pair.Value);
        return decoder.Weights.Select(weight => new MergedWeight(decoder.Backend, weight, branches.GetValueOrDefault(weight)));
    }
}
