using System.Text.RegularExpressions;

namespace FineTuneTool.Engine.Data;

/// <summary>
/// Which files of a data set belong to which split where nothing says so: by the conventions of Hugging Face's datasets library. Paths are relative
/// to the data set, with "/"; the first rule that finds a file decides: data/SPLIT-00000-of-00003, the names of folders, the names of files, one split.
/// </summary>
internal static partial class SplitPatterns
{
    public const string Train = "train", Validation = "validation", Test = "test";

    private static readonly (string Split, string[] Words)[] Keywords =
    [
        (Train, ["train", "training"]), (Validation, ["validation", "valid", "dev", "val"]), (Test, ["test", "testing", "eval", "evaluation"]),
    ];

    /// <summary>Split → its files, in the order of their paths.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> ByName(IReadOnlyList<string> files)
    {
        Func<string, string?>[] rules = [Sharded, path => Named(Path.GetDirectoryName(path) ?? ""), path => Named(Path.GetFileNameWithoutExtension(path)), _ => Train];
        return rules.Select(rule => Group(files, rule)).FirstOrDefault(splits => splits.Count > 0) ?? new Dictionary<string, IReadOnlyList<string>>();
    }

    /// <summary>The files that a pattern of a data set's card means (<see cref="GlobPattern"/>).</summary>
    public static IEnumerable<string> Matching(IReadOnlyList<string> files, string pattern)
    {
        var glob = new GlobPattern(pattern);
        return files.Where(glob.Matches);
    }

    private static Dictionary<string, IReadOnlyList<string>> Group(IReadOnlyList<string> files, Func<string, string?> rule) =>
        files.GroupBy(file => rule(file) ?? "", StringComparer.Ordinal).Where(group => group.Key.Length > 0)
            .ToDictionary(group => group.Key, group => (IReadOnlyList<string>)[.. group], StringComparer.Ordinal);

    private static string? Sharded(string path) => Shard().Match(path) is { Success: true } match ? match.Groups[1].Value : null;

    /// <summary>The split whose word stands in a name by itself: between its ends, or signs and digits that are no letters.</summary>
    private static string? Named(string name)
    {
        string[] words = Separators().Split(name.ToLowerInvariant());
        return Keywords.FirstOrDefault(split => split.Words.Any(words.Contains)).Split;
    }

    [GeneratedRegex(@"^data/([\w.]+(?:-[\w.]+)*?)-\d{5}-of-\d+\.\w+$", RegexOptions.CultureInvariant)]
    private static partial Regex Shard();

    [GeneratedRegex(@"[-._ /\\0-9]+", RegexOptions.CultureInvariant)]
    private static partial Regex Separators();
}
