using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Generation;

/// <summary>
/// How the next token is chosen. Names, defaults and limits are those of the project file (<see cref="SettingTable"/>).
/// </summary>
public sealed record SamplingSettings
{
    /// <summary>The likeliest token every time, the lowest id among equals.</summary>
    public static readonly SamplingSettings Greedy = new() { Temperature = 0 };

    /// <summary>Divides the logits; 0 = greedy.</summary>
    public double Temperature { get; init; } = 0.7;

    /// <summary>Keep the k likeliest tokens (and those as likely as the k-th); 0 = all.</summary>
    public int TopK { get; init; }

    /// <summary>Keep the smallest set of likeliest tokens whose probability exceeds this share; 1 = all. Holtzman et al. 2020.</summary>
    public double TopP { get; init; } = 0.9;

    /// <summary>Drop tokens less likely than this share of the likeliest one; 0 = none. Nguyen et al. 2024.</summary>
    public double MinP { get; init; }

    /// <summary>Divides positive and multiplies negative logits of tokens that occurred; 1 = none. Keskar et al. 2019.</summary>
    public double RepetitionPenalty { get; init; } = 1;

    public int MaxNewTokens { get; init; } = 256;

    public ulong Seed { get; init; } = 42;

    public static SamplingSettings From(RunSettings settings) => new()
    {
        Temperature = settings.Temperature,
        TopK = settings.TopK,
        TopP = settings.TopP,
        MinP = settings.MinP,
        RepetitionPenalty = settings.RepetitionPenalty,
        MaxNewTokens = settings.MaxNewTokens,
        Seed = settings.Seed,
    };

    /// <summary>These settings, checked against the limits of the table.</summary>
    /// <exception cref="FineTuneException">FT0001: a value is outside its limits.</exception>
    public SamplingSettings Checked()
    {
        Check(nameof(Temperature), Temperature);
        Check(nameof(TopK), TopK);
        Check(nameof(TopP), TopP);
        Check(nameof(MinP), MinP);
        Check(nameof(RepetitionPenalty), RepetitionPenalty);
        Check(nameof(MaxNewTokens), MaxNewTokens);
        return this;
    }

    private static void Check(string name, double value)
    {
        SettingDefinition limits = SettingTable.Find(name)!;
        bool allowed = double.IsFinite(value) && value <= limits.Maximum && (limits.MinimumExclusive ? value > limits.Minimum : value >= limits.Minimum);
        if (!allowed)
        {
            string maximum = double.IsPositiveInfinity(limits.Maximum) ? "" : $" and at most {SettingNumbers.Normalise(limits.Maximum)}";
            throw new FineTuneException(
                Codes.BadSetting,
                $"{name} is {SettingNumbers.Normalise(value)}.",
                $"Give a number {(limits.MinimumExclusive ? "above" : "of at least")} {SettingNumbers.Normalise(limits.Minimum)}{maximum}.");
        }
    }
}
