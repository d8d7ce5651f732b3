using System.Text.RegularExpressions;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>How much training changed one linear layer.</summary>
/// <param name="Module">Path such as <c>model.layers.0.self_attn.q_proj</c>.</param>
/// <param name="ChangeNorm">Frobenius norm of the change of the weight.</param>
/// <param name="WeightNorm">Frobenius norm of the weight before training.</param>
public sealed partial record ModuleChange(string Module, double ChangeNorm, double WeightNorm)
{
    /// <summary>Number of the decoder layer, −1 for a module outside the layers.</summary>
    public int Layer => LayerNumber().Match(Module) is { Success: true } match && int.TryParse(match.Groups[1].ValueSpan, out int layer) ? layer : -1;

    /// <summary>Last part of the path, such as <c>q_proj</c>.</summary>
    public string Kind => Module[(Module.LastIndexOf('.') + 1)..];

    /// <summary>Change relative to the weight of several modules together: √Σ change² / √Σ weight².</summary>
    public static double Relative(IEnumerable<ModuleChange> modules)
    {
        double change = 0, weight = 0;
        foreach (ModuleChange module in modules)
        {
            change += module.ChangeNorm * module.ChangeNorm;
            weight += module.WeightNorm * module.WeightNorm;
        }

        return weight > 0 ? Math.Sqrt(change / weight) : 0;
    }

    [GeneratedRegex(@"(?:^|\.)layers\.([0-9]+)(?:\.|$)")]
    private static partial Regex LayerNumber();
}
