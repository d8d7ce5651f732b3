using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace FineTuneTool.Engine.Prompts;

/// <summary>A text of a template file with the line on which it begins.</summary>
internal sealed record TemplatePart(string Text, int Line);

/// <summary>
/// A prompt template written as YAML: name, system, stop, and either prompt and completion (Jinja over a row's columns) or chat
/// (a whole Jinja chat template), or both.
/// </summary>
internal sealed record TemplateFile(string Path, string? Name, string? System, TemplatePart? Prompt, TemplatePart? Completion, TemplatePart? Chat, IReadOnlyList<string> Stop)
{
    private const int MaxBytes = 1 << 18;

    private static readonly string[] Keys = ["name", "system", "prompt", "completion", "stop", "chat"];

    /// <exception cref="FineTuneException">FT0251 with line and column: not YAML, an unknown key, a wrong kind of value, neither prompt nor chat.</exception>
    public static TemplateFile Read(string path)
    {
        YamlMappingNode root = Load(path);
        foreach (YamlNode key in root.Children.Keys)
        {
            string name = (key as YamlScalarNode)?.Value ?? "";
            if (!Keys.Contains(name))
            {
                throw Bad(path, $"The key \"{name}\" is not known.", $"Known are {string.Join(", ", Keys)}.", key.Start);
            }
        }

        TemplatePart? prompt = Text(path, root, "prompt"), completion = Text(path, root, "completion"), chat = Text(path, root, "chat");
        if ((prompt is null) != (completion is null) || (prompt is null && chat is null))
        {
            throw Bad(path, "A prompt template needs the keys prompt and completion, or the key chat.", "Add what is missing.", root.Start);
        }

        return new TemplateFile(path, Text(path, root, "name")?.Text, Text(path, root, "system")?.Text, prompt, completion, chat, Stops(path, root));
    }

    private static YamlMappingNode Load(string path)
    {
        if (new FileInfo(path).Length > MaxBytes)
        {
            throw Bad(path, $"The file is larger than {MaxBytes} bytes.", "This is not a prompt template.", Mark.Empty);
        }

        YamlNode? content;
        try
        {
            content = FlatYaml.Read(File.ReadAllText(path));
        }
        catch (YamlException exception)
        {
            throw Bad(path, $"The file is not valid YAML: {exception.Message}.", "Correct it.", exception.Start);
        }

        return content as YamlMappingNode
            ?? throw Bad(path, "The file does not hold one mapping of keys.", "Begin with a key, such as \"prompt: |\".", Mark.Empty);
    }

    private static YamlNode? Find(YamlMappingNode root, string key) => root.Children.FirstOrDefault(pair => pair.Key is YamlScalarNode scalar && scalar.Value == key).Value;

    private static TemplatePart? Text(string path, YamlMappingNode root, string key)
    {
        switch (Find(root, key))
        {
            case null:
            case YamlScalarNode { Value: null } or YamlScalarNode { Style: ScalarStyle.Plain, Value: "null" or "~" or "" }:
                return null;
            case YamlScalarNode scalar:
                // The text of a block (| or >) begins on the line after its mark.
                int line = (int)scalar.Start.Line + (scalar.Style is ScalarStyle.Literal or ScalarStyle.Folded ? 1 : 0);
                return new TemplatePart(scalar.Value!, line);
            case YamlNode other:
                throw Bad(path, $"The value of {key} is not a text.", "Write it as text.", other.Start);
        }
    }

    private static List<string> Stops(string path, YamlMappingNode root) => Find(root, "stop") switch
    {
        null => [],
        YamlScalarNode { Value: { Length: > 0 } one } => [one],
        YamlSequenceNode list when list.All(item => item is YamlScalarNode { Value.Length: > 0 }) => [.. list.Select(item => ((YamlScalarNode)item).Value!)],
        YamlNode other => throw Bad(path, "The value of stop is not a text or a list of texts.", "Write it as stop: [\"###\"].", other.Start),
    };

    private static FineTuneException Bad(string path, string message, string remedy, Mark place) =>
        new(Codes.TemplateSyntax, message, remedy, new SourcePosition(path, (int)place.Line, (int)place.Column));
}
