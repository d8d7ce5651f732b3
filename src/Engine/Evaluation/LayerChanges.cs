using System.Text.RegularExpressions;
using FineTuneTool.Engine.Adapters;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>Views of how much training changed single linear layers: by decoder layer, by kind of module.</summary>
public static partial class LayerChanges
{
    /// <summary>Number of the decoder layer of a module path such as <c>model.layers.0.self_attn.q_proj</c>; −1 for a module outside the layers.</summary>
    public static int LayerOf(string path) => LayerNumber().Match(path) is { Success: true } match && int.TryParse(match.Groups[1].ValueSpan, out int layer) ? layer : -1;

    /// <summary>Last part of a module path, such as <c>q_proj</c>.</summary>
    public static string KindOf(string path) => path[(path.LastIndexOf('.') + 1)..];

    /// <summary>Change relative to the weight of several layers together: √Σ change² / √Σ weight².</summary>
    public static double Relative(IEnumerable<LayerChange> changes)
    {
        double change = 0, weight = 0;
        foreach (LayerChange layer in changes)
        {
            change += layer.BranchNorm * layer.BranchNorm;
            weight += layer.WeightNorm * layer.WeightNorm;
        }

        return weight > 0 ? Math.Sqrt(change / weight) : 0;
    }

    [GeneratedRegex(@"(?:^|\.)layers\.([0-9]+)(?:\.|$)")]
    private static partial Regex LayerNumber();
}
