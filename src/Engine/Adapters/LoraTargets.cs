using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Adapters;

/// <summary>Which linear layers get a branch: PEFT's rules for target_modules, exclude_modules and layers_to_transform.</summary>
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
    public static IReadOnlyList<LinearLayer> Match(Decoder decoder, LoraSettings settings) =>
        [.. decoder.Linears.Where(linear => Counts(linear.Path, settings))];

    /// <summary>As <see cref="Match"/>, where every name, number and pattern must change something, else <see cref="Codes.NoTargetModules"/>.</summary>
    public static IReadOnlyList<LinearLayer> Select(Decoder decoder, LoraSettings settings)
    {
        IReadOnlyList<LinearLayer> matched = [.. Match(decoder, settings).Where(linear => IsInLayers(linear.Path, settings))];
        if (matched.Count == 0)
        {
            throw None(decoder, $"'{settings.Targets}'{(settings.Exclude is null ? "" : $" without '{settings.Exclude}'")}");
        }

        IEnumerable<string> named = [.. settings.Targets.Names ?? [], .. settings.Exclude?.Names ?? []];
        if (named.FirstOrDefault(name => !decoder.Linears.Any(linear => IsNamed(linear.Path, name))) is { } unknown)
        {
            throw None(decoder, $"'{unknown}'");
        }

        if (settings.Exclude?.Pattern is { } exclude && !decoder.Linears.Any(linear => ModulePattern.MatchesWhole(exclude, linear.Path)))
        {
            throw None(decoder, $"'{exclude}'");
        }

        if (settings.Layers?.Where(layer => matched.All(linear => ModulePattern.LayerOf(linear.Path, settings.LayersPattern) != layer)).ToArray() is [int missing, ..])
        {
            throw None(decoder, $"layer {missing}");
        }

        IEnumerable<string> patterns = settings.RankPattern.Keys.Concat(settings.AlphaPattern.Keys);
        if (patterns.FirstOrDefault(key => !matched.Any(linear => ModulePattern.MatchesEnd(key, linear.Path))) is { } unused)
        {
            throw None(decoder, $"the pattern '{unused}'");
        }

        return matched;
    }

    private static bool Counts(string path, LoraSettings settings)
    {
        if (settings.Exclude is { } exclude && (exclude.Pattern is { } pattern ? ModulePattern.MatchesWhole(pattern, path) : exclude.Names!.Any(name => IsNamed(path, name))))
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

    private static bool IsNamed(string path, string name) => path == name || path.EndsWith($".{name}", StringComparison.Ordinal);

    private static bool IsInLayers(string path, LoraSettings settings) =>
        settings.Layers is not { Count: > 0 } layers || (ModulePattern.LayerOf(path, settings.LayersPattern) is { } layer && layers.Contains(layer));

    private static FineTuneException None(Decoder decoder, string what)
    {
        IEnumerable<string> names = decoder.Linears.Select(linear => linear.Path[(linear.Path.LastIndexOf('.') + 1)..]).Distinct();
        return new FineTuneException(
            Codes.NoTargetModules, $"No linear layer of the model matches {what}.",
            $"Its {decoder.Spec.NumHiddenLayers} layers and head have these: {string.Join(", ", names)}. 'all-linear' takes all of them but the head.");
    }
}
