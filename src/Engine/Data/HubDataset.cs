using System.Globalization;
using System.Text.RegularExpressions;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Protocol;
using YamlDotNet.Core;

namespace FineTuneTool.Engine.Data;

/// <summary>
/// A data set of the Hub that lies in the local cache. Its files and splits are found as Hugging Face's datasets library finds them: by the configs of
/// README.md, else by the names of files and folders. Of the types that can be read the most frequent counts.
/// </summary>
public static partial class HubDataset
{
    private static readonly string[] NoData = ["README.md", "config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json"];

    /// <summary>True for an Include that names a data set instead of a file.</summary>
    public static bool IsNamed(string include) => HubName.Is(include);

    /// <summary>The folder of the snapshot that an Include names: what paths of its files are relative to.</summary>
    /// <exception cref="FineTuneException">FT0001: it is no such name. FT0101: it is not in the cache.</exception>
    public static string Snapshot(string include, SourcePosition position) => Snapshot(HubName.Parse(include, position), position);

    /// <summary>
    /// An item as one item for each part of the data that it gives. Without a split in its name TrainingData gives what it has of train, validation and
    /// test to these parts; EvaluationData and TestData give theirs; a data set of one split gives that.
    /// </summary>
    /// <exception cref="FineTuneException">FT0001: it is no such name. FT0101: it is not in the cache, or has no such split.</exception>
    public static IEnumerable<ProjectItem> Parts(ProjectItem item)
    {
        if (!IsNamed(item.Include))
        {
            return [item];
        }

        var position = new SourcePosition(item.File, item.Line, item.Column);
        HubName name = HubName.Parse(item.Include, position);
        IReadOnlyDictionary<string, IReadOnlyList<string>> splits = Splits(name, position);
        if (name.Split is not null)
        {
            return splits.ContainsKey(name.Split) ? [item] : throw NoSplit(name, splits, position);
        }

        string wanted = item.Get("Split")?.ToLowerInvariant() ?? item.Type switch { "EvaluationData" => SplitPatterns.Validation, "TestData" => SplitPatterns.Test, _ => SplitPatterns.Train };
        string main = splits.ContainsKey(wanted) ? wanted : splits.Count == 1 ? splits.Keys.First() : throw NoSplit(name, splits, position);
        bool givesAll = item.Type == "TrainingData" && item.Get("Split") is null;
        string[] beside = givesAll ? [.. ((string[])[SplitPatterns.Validation, SplitPatterns.Test]).Where(split => split != main && splits.ContainsKey(split))] : [];
        return [item with { Include = $"{name with { Split = main }}" }, .. beside.Select(split => item with
        {
            Include = $"{name with { Split = split }}",
            Metadata = new Dictionary<string, string>(item.Metadata) { ["Split"] = split },
        })];
    }

    /// <summary>The files of the split that a path names, in the order of their paths; of all splits where it names none.</summary>
    /// <exception cref="FineTuneException">FT0001: it is no such name. FT0101: it is not in the cache, has no such split, or misses a file.</exception>
    public static IReadOnlyList<string> Files(string path, SourcePosition position)
    {
        HubName name = HubName.Parse(path, position);
        IReadOnlyDictionary<string, IReadOnlyList<string>> splits = Splits(name, position);
        string folder = Snapshot(name, position);
        IEnumerable<string> files = name.Split is null ? splits.Values.SelectMany(split => split)
            : splits.TryGetValue(name.Split, out IReadOnlyList<string>? own) ? own : throw NoSplit(name, splits, position);
        string[] all = [.. files.Distinct().Order(StringComparer.Ordinal)];
        RequireShards(name, all, position);
        return [.. all.Select(file => Path.Combine(folder, file))];
    }

    private static string Snapshot(HubName name, SourcePosition position) => HubCache.Snapshot(HubCache.Datasets, name.Repository) ?? throw new FineTuneException(
        Codes.DataFileMissing, $"The data set {name.Repository} is not on this machine.",
        $"Supply it in one of three ways: (1) put its snapshot into the Hub cache, {HubCache.Folder}; (2) set HF_HUB_CACHE to the cache that holds it; "
        + "(3) name its files or their folder in Include.", position);

    private static IReadOnlyDictionary<string, IReadOnlyList<string>> Splits(HubName name, SourcePosition position)
    {
        string folder = Snapshot(name, position);
        string[] files = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(folder, file).Replace(Path.DirectorySeparatorChar, '/'))
            .Where(file => RowReaders.Reads(file) && !NoData.Contains(file) && !file.Split('/').Any(part => part[0] == '.')).Order(StringComparer.Ordinal)];
        HubConfig config = ConfigOf(name, folder, files, position);
        string[] own = [.. config.Folder.Length == 0 ? files : files.Where(file => file.StartsWith(config.Folder + "/", StringComparison.Ordinal)).Select(file => file[(config.Folder.Length + 1)..])];
        IReadOnlyDictionary<string, IReadOnlyList<string>> splits = config.Patterns is null ? SplitPatterns.ByName(OfOneType(own))
            : config.Patterns.GroupBy(split => split.Split).ToDictionary(
                group => group.Key, group => OfOneType([.. group.SelectMany(split => split.Patterns).SelectMany(pattern => SplitPatterns.Matching(own, pattern)).Distinct()]));
        return splits.Where(split => split.Value.Count > 0).ToDictionary(
            split => split.Key, split => (IReadOnlyList<string>)[.. split.Value.Select(file => config.Folder.Length == 0 ? file : $"{config.Folder}/{file}")]);
    }

    private static HubConfig ConfigOf(HubName name, string folder, string[] files, SourcePosition position)
    {
        IReadOnlyList<HubConfig> configs;
        try
        {
            configs = HubCard.Read(folder);
        }
        catch (YamlException exception)
        {
            throw new FineTuneException(Codes.MalformedText, $"The card of the data set {name.Repository} is not valid YAML: {exception.Message}.",
                "Fetch the data set again, or name its files in Include.", new SourcePosition(Path.Combine(folder, "README.md"), (int)exception.Start.Line + 1), exception);
        }

        HubConfig? found = name.Config is null
            ? configs.FirstOrDefault(config => config.IsDefault) ?? configs.FirstOrDefault(config => config.Name == "default") ?? (configs.Count == 1 ? configs[0] : null)
            : configs.FirstOrDefault(config => config.Name == name.Config);
        if (found is not null || (name.Config is null && configs.Count == 0))
        {
            return found ?? new HubConfig("default", "", null, IsDefault: true);
        }

        return name.Config is not null && files.Any(file => file.StartsWith(name.Config + "/", StringComparison.Ordinal)) ? new HubConfig(name.Config, name.Config, null, IsDefault: false)
            : throw new FineTuneException(Codes.DataFileMissing,
                name.Config is null ? $"The data set {name.Repository} holds several, and none is the default." : $"The data set {name.Repository} has no config {name.Config}.",
                configs.Count == 0 ? "Write the name without a config." : $"Name one of them, as in hub:{name.Repository}/{configs[0].Name}: {string.Join(", ", configs.Take(20).Select(config => config.Name))}.", position);
    }

    /// <summary>The files of the type that most of them have; texts only where there is nothing else.</summary>
    private static IReadOnlyList<string> OfOneType(IReadOnlyList<string> files) =>
        files.GroupBy(file => RowReaders.For(file, default)).OrderBy(group => group.Key.IsProse).ThenByDescending(group => group.Count()).FirstOrDefault() is { } most ? [.. most] : [];

    /// <summary>A cache may hold a part of a data set only; what is missing would be missed in training.</summary>
    private static void RequireShards(HubName name, string[] files, SourcePosition position)
    {
        foreach (IGrouping<string, Match> group in files.Select(file => Shard().Match(file)).Where(match => match.Success).GroupBy(match => $"{match.Groups[1]}-of-{match.Groups[3]}{match.Groups[4]}"))
        {
            int there = group.Count();
            if (int.TryParse(group.First().Groups[3].Value, CultureInfo.InvariantCulture, out int all) && there < all)
            {
                throw new FineTuneException(Codes.DataFileMissing, $"Of the {all} files {group.First().Groups[1]}-*-of-{group.First().Groups[3]} of the data set {name.Repository} only {there} are on this machine.",
                    $"Put the whole snapshot into the Hub cache, {HubCache.Folder}.", position);
            }
        }
    }

    private static FineTuneException NoSplit(HubName name, IReadOnlyDictionary<string, IReadOnlyList<string>> splits, SourcePosition position) => new(
        Codes.DataFileMissing, name.Split is null ? $"It cannot be said which split of the data set {name.Repository} is meant." : $"The data set {name.Repository} has no files of a split {name.Split} on this machine.",
        splits.Count == 0 ? "No file of it can be read; put its whole snapshot into the Hub cache, or name its files in Include."
            : $"Name one of its splits, as in {name with { Split = splits.Keys.Order(StringComparer.Ordinal).First() }}: {string.Join(", ", splits.Keys.Order(StringComparer.Ordinal))}.", position);

    [GeneratedRegex(@"^(.*)-(\d{5})-of-(\d{5})(\.\w+)$", RegexOptions.CultureInvariant)]
    private static partial Regex Shard();
}
