using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>What a family's config.json means where it is silent, and what it may say that most may not.</summary>
internal sealed record ConfigDialect
{
    /// <summary>null = hidden size / heads.</summary>
    public int? HeadDim { get; init; }

    public bool TieWordEmbeddings { get; init; }

    public Activation HiddenAct { get; init; } = Activation.Silu;

    /// <summary>Keys under which the activation may stand, and its names there.</summary>
    public IReadOnlyDictionary<string, string[]> HiddenActNames { get; init; } = new Dictionary<string, string[]> { ["hidden_act"] = ["silu"] };

    public double RmsNormEps { get; init; } = 1e-6;

    public double RopeTheta { get; init; } = 10000;

    /// <summary>Only some dims of a head may be turned (<c>partial_rotary_factor</c>).</summary>
    public bool PartialRotary { get; init; }

    /// <summary><c>rope_parameters</c> may hold one object for each kind of layer.</summary>
    public bool RopeByLayerType { get; init; }

    /// <summary>Names that longrope had in early files of the family.</summary>
    public IReadOnlyList<string> LongRopeNames { get; init; } = [];
}
