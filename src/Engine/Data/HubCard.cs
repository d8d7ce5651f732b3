using FineTuneTool.Engine.Formats;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace FineTuneTool.Engine.Data;

/// <summary>A data set in a repository, as the card describes it.</summary>
/// <param name="Folder">The folder in which its files lie; "" = the repository's.</param>
/// <param name="Patterns">Split → patterns of its files; null = by their names.</param>
internal sealed record HubConfig(string Name, string Folder, IReadOnlyList<(string Split, IReadOnlyList<string> Patterns)>? Patterns, bool IsDefault);

/// <summary>The part of a data set's README.md between its first two lines of "---": what <c>configs</c> says about files and splits.</summary>
internal static class HubCard
{
    private const int MaxBytes = 1 << 20;

    /// <summary>The configs of a repository's card; none where there is no card or it says nothing of them.</summary>
    /// <exception cref="YamlException">What stands there is not YAML.</exception>
    public static IReadOnlyList<HubConfig> Read(string folder)
    {
        string path = Path.Combine(folder, "README.md");
        if (!File.Exists(path) || FrontMatter(path) is not { } text || Member(FlatYaml.Read(text), "configs") is not YamlSequenceNode configs)
        {
            return [];
        }

        return [.. configs.Children.OfType<YamlMappingNode>().Select(config => new HubConfig(
            Text(Member(config, "config_name")) ?? "default", (Text(Member(config, "data_dir")) ?? "").Trim('/'), Patterns(Member(config, "data_files")),
            Text(Member(config, "default")) == "true"))];
    }

    private static string? FrontMatter(string path)
    {
        using var reader = new StreamReader(path);
        char[] buffer = new char[(int)Math.Min(MaxBytes, new FileInfo(path).Length)];
        string text = new string(buffer, 0, reader.ReadBlock(buffer)).ReplaceLineEndings("\n");
        int end = text.StartsWith("---\n", StringComparison.Ordinal) ? text.IndexOf("\n---", 3, StringComparison.Ordinal) : -1;
        return end < 0 ? null : text[4..(end + 1)];
    }

    /// <summary>A pattern or a list of them (the split train), a list of split and path, or a mapping of one to the other.</summary>
    private static List<(string, IReadOnlyList<string>)>? Patterns(YamlNode? node) => node switch
    {
        YamlSequenceNode list when list.Children.Any(item => item is YamlMappingNode) =>
            [.. list.Children.OfType<YamlMappingNode>().Select(item => (Text(Member(item, "split")) ?? SplitPatterns.Train, Texts(Member(item, "path"))))],
        YamlMappingNode map => [.. map.Children.Select(pair => (Text(pair.Key) ?? SplitPatterns.Train, Texts(pair.Value)))],
        YamlNode one when Texts(one) is { Count: > 0 } patterns => [(SplitPatterns.Train, patterns)],
        _ => null,
    };

    private static IReadOnlyList<string> Texts(YamlNode? node) => node is YamlSequenceNode list ? [.. list.Children.Select(Text).OfType<string>()] : Text(node) is { } text ? [text] : [];

    private static string? Text(YamlNode? node) => (node as YamlScalarNode)?.Value;

    private static YamlNode? Member(YamlNode? node, string name) =>
        (node as YamlMappingNode)?.Children.FirstOrDefault(pair => pair.Key is YamlScalarNode key && key.Value == name).Value;
}
