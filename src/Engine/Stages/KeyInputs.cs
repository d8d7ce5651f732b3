using System.Security.Cryptography;
using System.Text;
using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Stages;

/// <summary>Key lines for the inputs that several stages share: files by what they hold, items by what they say.</summary>
internal static class KeyInputs
{
    private static readonly string[] TokenizerFileNames =
    [
        "tokenizer.json", "tokenizer.model", "added_tokens.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json",
        "chat_template.jinja", "chat_template.json",
    ];

    /// <summary>The base model: every file that makes it and its tokenizer.</summary>
    public static IEnumerable<KeyLine> BaseModel(StageContext context)
    {
        using ModelFiles files = ModelFiles.Open(context.BaseModel);
        foreach (string path in files.ContentFiles)
        {
            yield return new KeyLine($"base model {Path.GetFileName(path)}", context.Hashes.Of(path));
        }
    }

    /// <summary>What the numbers are computed with: another machine may choose otherwise.</summary>
    public static KeyLine ComputeType(StageContext context) => new(nameof(RunSettings.ComputeType), context.ActivationType.ToString());

    /// <summary>The base model's tokenizer and chat template: files of a folder, or the whole .gguf file, which nothing need be read from for this.</summary>
    public static IEnumerable<KeyLine> Tokenizer(StageContext context) =>
        from path in File.Exists(context.BaseModel) ? [context.BaseModel] : TokenizerFileNames.Select(name => Path.Combine(context.BaseModel, name)).Where(File.Exists)
        select new KeyLine($"tokenizer {Path.GetFileName(path)}", context.Hashes.Of(path));

    /// <summary>The prompt template: its name, or the content of its file.</summary>
    public static KeyLine Template(StageContext context)
    {
        string setting = context.Settings.PromptTemplate;
        string path = Path.Combine(context.Request.Project.Directory, setting);
        return new KeyLine("prompt template", setting.Length > 0 && File.Exists(path) ? $"{setting} {context.Hashes.Of(path)}" : setting);
    }

    /// <summary>The result of a stage before this one.</summary>
    public static KeyLine Upstream(StageContext context, Stage stage) => new($"result of {stage.Name}", context.Key(stage).Hash);

    /// <summary>A data item: the content of its file or folder and the metadata that decide how it is read.</summary>
    public static KeyLine Data(StageContext context, ProjectItem item)
    {
        DataSource source = DataSource.From(item);
        string metadata = string.Concat(item.Metadata.Where(pair => pair.Value.Length > 0).OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => $" {pair.Key}={pair.Value}"));
        return new KeyLine($"{item.Type} {item.Include}", Content(context, source) + metadata);
    }

    /// <summary>The hash of a data file; that of all names and hashes for a folder or a data set of the Hub, wherever the cache lies.</summary>
    private static string Content(StageContext context, DataSource source)
    {
        if (File.Exists(source.Path))
        {
            return context.Hashes.Of(source.Path);
        }

        string folder = HubDataset.IsNamed(source.Path) ? HubDataset.Snapshot(source.Path, source.Position) : source.Path;
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(RowReaders.Files(source.Path, source.Position)
            .Select(file => $"{Path.GetRelativePath(folder, file)} {context.Hashes.Of(file)}\n")))));
    }

    /// <summary>The sample prompts, as they are asked.</summary>
    public static IEnumerable<KeyLine> SamplePrompts(StageContext context) =>
        Measurement.Prompts(context.Request).Select((prompt, index) => new KeyLine($"sample prompt {index + 1}", prompt));
}
