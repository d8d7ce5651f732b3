using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Adapters;

/// <summary>How low-rank branches are made and where (Hu et al. 2021); the meaning of every field is PEFT's.</summary>
public sealed record LoraSettings
{
    /// <summary>Rank of every branch that <see cref="RankPattern"/> does not name.</summary>
    public required int Rank { get; init; }

    public required double Alpha { get; init; }

    /// <summary>Share of a branch's inputs dropped in training.</summary>
    public double Dropout { get; init; }

    /// <summary>Layers that get a branch; by default every linear layer but the output head.</summary>
    public ModuleSelection Targets { get; init; } = ModuleSelection.Matching("all-linear");

    /// <summary>Layers that get none although <see cref="Targets"/> names them.</summary>
    public ModuleSelection? Exclude { get; init; }

    /// <summary>Numbers of the decoder layers that get branches; null = all. Counts for lists of names only.</summary>
    public IReadOnlyList<int>? Layers { get; init; }

    /// <summary>Names of the list of layers for <see cref="Layers"/>; null = any.</summary>
    public IReadOnlyList<string>? LayersPattern { get; init; }

    /// <summary>Ranks of single modules by pattern, first match first.</summary>
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = new Dictionary<string, int>();

    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>();

    /// <summary>Scale by alpha / √rank instead of alpha / rank (Kalajdzievski 2023).</summary>
    public bool UseRslora { get; init; }

    /// <summary>Which biases of the model are trained, too: none, lora_only (those of adapted layers), or all.</summary>
    public string Bias { get; init; } = "none";

    /// <summary>The B matrices have a bias of their own.</summary>
    public bool LoraBias { get; init; }

    /// <summary>Rows keep lengths of their own (Liu et al. 2024).</summary>
    public bool UseDora { get; init; }

    /// <summary>How branches begin: a name of <see cref="LoraInitialisation.All"/>.</summary>
    public string Init { get; init; } = "default";

    /// <summary>Names of modules that are trained and saved as a whole.</summary>
    public IReadOnlyList<string> ModulesToSave { get; init; } = [];

    /// <summary>Where a setting of a project stands, for messages.</summary>
    public Func<string, SourcePosition> PlaceOf { get; init; } = _ => SourcePosition.None;

    /// <summary>The settings in an adapter's configuration. Absent targets mean whatever the file holds tensors for.</summary>
    public static LoraSettings From(PeftConfig config) => new()
    {
        Rank = config.R,
        Alpha = config.LoraAlpha,
        Dropout = config.LoraDropout,
        Targets = config.TargetModules ?? ModuleSelection.Matching(".*"),
        Exclude = config.ExcludeModules,
        Layers = config.LayersToTransform,
        LayersPattern = config.LayersPattern,
        RankPattern = config.RankPattern,
        AlphaPattern = config.AlphaPattern,
        UseRslora = config.UseRslora,
        Bias = config.Bias,
        LoraBias = config.LoraBias,
        UseDora = config.UseDora,
        Init = LoraReader.InitOf(config),
        ModulesToSave = config.ModulesToSave ?? [],
    };

    /// <summary>The Lora… settings of a project. Raises <see cref="Codes.BadSetting"/> for a layer number or a pattern that cannot be read.</summary>
    /// <param name="placeOf">Where a setting stands in the project.</param>
    public static LoraSettings From(RunSettings settings, Func<string, SourcePosition>? placeOf = null)
    {
        Func<string, SourcePosition> place = placeOf ?? (_ => SourcePosition.None);
        return From(settings, place, (name, text, expected) => new FineTuneException(
            Codes.BadSetting, $"{name} has the item '{text}'.", $"Write {expected}.", place(name)));
    }

    private static LoraSettings From(RunSettings settings, Func<string, SourcePosition> placeOf, Func<string, string, string, FineTuneException> bad) => new()
    {
        Rank = settings.LoraRank,
        Alpha = settings.LoraAlpha,
        Dropout = settings.LoraDropout,
        Targets = LoraTargets.Parse(settings.LoraTargetModules),
        Exclude = settings.LoraExcludeModules is { Count: > 0 } exclude ? LoraTargets.Parse(exclude) : null,
        Layers = settings.LoraLayers is { Count: > 0 } layers
            ? [.. layers.Select(text => Whole(text, 0) ?? throw bad(nameof(settings.LoraLayers), text, "the number of a layer, counted from 0"))] : null,
        RankPattern = Pattern<int>(nameof(settings.LoraRankPattern), settings.LoraRankPattern, text => Whole(text, 1), "name=rank", bad),
        AlphaPattern = Pattern<double>(nameof(settings.LoraAlphaPattern), settings.LoraAlphaPattern, text => SettingNumbers.Number(text) is > 0 and var alpha ? alpha : null, "name=alpha", bad),
        UseRslora = settings.UseRsLora,
        ModulesToSave = settings.ModulesToSave,
        UseDora = settings.UseDora,
        Init = settings.LoraInit,
        PlaceOf = placeOf,
    };

    public int RankOf(string path) => Find(RankPattern, path) is { } key ? RankPattern[key] : Rank;

    public double AlphaOf(string path) => Find(AlphaPattern, path) is { } key ? AlphaPattern[key] : Alpha;

    /// <summary>The factor on B·A of a module.</summary>
    public float ScaleOf(string path)
    {
        int rank = RankOf(path);
        return (float)(AlphaOf(path) / (UseRslora ? Math.Sqrt(rank) : rank));
    }

    private static int? Whole(string text, int least) => SettingNumbers.Integer(text) is { } number && number >= least && number <= 4096 ? (int)number : null;

    private static Dictionary<string, T> Pattern<T>(string setting, IReadOnlyList<string> items, Func<string, T?> read, string form, Func<string, string, string, FineTuneException> bad)
        where T : struct
    {
        var pattern = new Dictionary<string, T>(StringComparer.Ordinal);
        foreach (string item in items)
        {
            int equals = item.LastIndexOf('=');
            if (equals <= 0 || read(item[(equals + 1)..].Trim()) is not { } value || !pattern.TryAdd(item[..equals].Trim(), value))
            {
                throw bad(setting, item, $"{form}, each name once");
            }
        }

        return pattern;
    }

    private static string? Find<T>(IReadOnlyDictionary<string, T> patterns, string path) =>
        patterns.Keys.FirstOrDefault(key => ModulePattern.MatchesEnd(key, path));
}
