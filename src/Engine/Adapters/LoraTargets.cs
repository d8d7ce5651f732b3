using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Adapters;

/// <summary>Which layers get a branch and which are trained whole: PEFT's rules for target_modules, exclude_modules, layers_to_transform and modules_to_save.</summary>
public static class LoraTargets
{
    /// <summary>
    /// What a project's list of names means: <c>all-linear</c>, one regular expression (told by its special characters), or names.
    /// </summary>
    public static ModuleSelection Parse(IReadOnlyList<string> items) =>
        items is [var single] && (single == "all-linear" || single.AsSpan().IndexOfAny(@"\*+?()[]{}|^$") >= 0)
            ? ModuleSelection.Matching(single)
            : ModuleSelection.Of(items);

    /// <summary>The layers that match, in the order of the model; none where nothing does.</summary>
    internal static LoraModules Match(Decoder decoder, LoraSettings settings) => new(
        decoder, settings, [.. decoder.Linears.Where(linear => Counts(linear.Path, settings))],
        Embedding: !settings.Targets.IsAllLinear && Counts(Decoder.EmbeddingPath, settings));

    /// <summary>As <see cref="Match"/>, where every name, number and pattern must change something, else <see cref="Codes.NoTargetModules"/>.</summary>
    internal static LoraModules Select(Decoder decoder, LoraSettings settings)
    {
        LoraModules matched = Match(decoder, settings);
        matched = new LoraModules(
            decoder, settings, [.. matched.Linears.Where(linear => IsInLayers(linear.Path, settings))], matched.Embedding && IsInLayers(Decoder.EmbeddingPath, settings));
        string[] all = [.. decoder.Linears.Select(linear => linear.Path), Decoder.EmbeddingPath];
        string[] paths = [.. matched.Linears.Select(linear => linear.Path), .. matched.Embedding ? [Decoder.EmbeddingPath] : Array.Empty<string>()];
        if (paths.Length == 0)
        {
            string setting = settings.Layers is null || Match(decoder, settings with { Layers = null }).Linears.Count == 0 ? nameof(RunSettings.LoraTargetModules) : nameof(RunSettings.LoraLayers);
            throw None(settings, setting, decoder, $"'{settings.Targets}'{(settings.Exclude is null ? "" : $" without '{settings.Exclude}'")}");
        }

        foreach ((string setting, ModuleSelection? selection) in new[] { (nameof(RunSettings.LoraTargetModules), settings.Targets), (nameof(RunSettings.LoraExcludeModules), settings.Exclude) })
        {
            if (selection?.Names?.FirstOrDefault(name => !all.Any(path => IsNamed(path, name))) is { } unknown)
            {
                throw None(settings, setting, decoder, $"'{unknown}'");
            }
        }

        if (settings.Exclude?.Pattern is { } exclude && !all.Any(path => ModulePattern.MatchesWhole(exclude, path)))
        {
            throw None(settings, nameof(RunSettings.LoraExcludeModules), decoder, $"'{exclude}'");
        }

        if (settings.Layers?.Where(layer => paths.All(path => ModulePattern.LayerOf(path, settings.LayersPattern) != layer)).ToArray() is [int missing, ..])
        {
            throw None(settings, nameof(RunSettings.LoraLayers), decoder, $"layer {missing}");
        }

        IEnumerable<string> patterns = settings.RankPattern.Keys.Concat(settings.AlphaPattern.Keys);
        if (patterns.FirstOrDefault(key => !paths.Any(path => ModulePattern.MatchesEnd(key, path))) is { } unused)
        {
            throw None(settings, settings.RankPattern.ContainsKey(unused) ? nameof(RunSettings.LoraRankPattern) : nameof(RunSettings.LoraAlphaPattern), decoder, $"the pattern '{unused}'");
        }

        if (settings.ModulesToSave.FirstOrDefault(name => !Weights(decoder).Any(weight => IsSavedBy(weight, name))) is { } unsaved)
        {
            IEnumerable<string> modules = Weights(decoder).Select(weight => LastName(ModuleOf(weight))).Distinct();
            throw new FineTuneException(
                Codes.NoTargetModules, $"No module of the model matches '{unsaved}' of ModulesToSave.", $"It has these: {string.Join(", ", modules)}.",
                settings.PlaceOf(nameof(RunSettings.ModulesToSave)));
        }

        return matched;
    }

    /// <summary>Every weight that can be trained as a whole, a tied head among them.</summary>
    internal static IEnumerable<Weight> Weights(Decoder decoder) => decoder.Head.IsTied ? [.. decoder.Weights, decoder.Head] : decoder.Weights;

    /// <summary>Whether an item of modules_to_save names the module of a weight. PEFT compares the ends of paths, whole names or not.</summary>
    internal static bool IsSavedBy(Weight weight, string name) => name.Length > 0 && ModuleOf(weight).EndsWith(name, StringComparison.Ordinal);

    private static string ModuleOf(Weight weight) => weight.Name[..weight.Name.LastIndexOf('.')];

    private static string LastName(string path) => path[(path.LastIndexOf('.') + 1)..];

    private static bool Counts(string path, LoraSettings settings)
    {
        if (settings.Exclude is { } exclude && Selects(exclude, path))
        {
            return false;
        }

        if (settings.ModulesToSave.Any(name => IsNamed(path, name)))
        {
            return false;
        }

        if (settings.Targets.IsAllLinear)
        {
            return path != Decoder.HeadPath && IsInLayers(path, settings);
        }

        return settings.Targets.Pattern is { } regex
            ? ModulePattern.MatchesWhole(regex, path)
            : settings.Targets.Names!.Contains(path) || (settings.Targets.Names!.Any(name => IsNamed(path, name)) && IsInLayers(path, settings));
    }

    /// <summary>Whether a path ends in a name of a list.</summary>
    /// <summary>Whether a selection takes a module: its pattern matches the whole path, or one of its names ends it.</summary>
    internal static bool Selects(ModuleSelection selection, string path) =>
        selection.Pattern is { } pattern ? ModulePattern.MatchesWhole(pattern, path) : selection.Names!.Any(name => IsNamed(path, name));

    private static bool IsNamed(string path, string name) => path == name || path.EndsWith($".{name}", StringComparison.Ordinal);

    private static bool IsInLayers(string path, LoraSettings settings) =>
        settings.Layers is not { Count: > 0 } layers || (ModulePattern.LayerOf(path, settings.LayersPattern) is { } layer && layers.Contains(layer));

    private static FineTuneException None(LoraSettings settings, string setting, Decoder decoder, string what)
    {
        IEnumerable<string> names = decoder.Linears.Select(linear => LastName(linear.Path)).Distinct();
        return new FineTuneException(
            Codes.NoTargetModules, $"No linear layer of the model matches {what}.",
            $"Its {decoder.Spec.NumHiddenLayers} layers and head have these: {string.Join(", ", names)}; embed_tokens is the embedding. 'all-linear' takes all of them but head and embedding.",
            settings.PlaceOf(setting));
    }
}
