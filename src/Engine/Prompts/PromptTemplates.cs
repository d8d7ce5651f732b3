using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts.Jinja;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Prompts;

/// <summary>Finds the prompt template that a project asks for.</summary>
public static class PromptTemplates
{
    /// <summary>The base model's own chat template.</summary>
    public const string ModelsOwn = "chat";

    public static IReadOnlyList<string> BuiltIn { get; } = [.. BuiltInTemplate.All.Select(template => template.Name)];

    /// <param name="setting">chat, a built-in name, a .yaml or .jinja file; "" = chat where the model has a template, else alpaca.</param>
    /// <param name="folder">What relative paths are relative to.</param>
    /// <param name="systemPrompt">The system message of rows that have none; null or "" = the template's own.</param>
    /// <param name="position">Where the project says so.</param>
    /// <exception cref="FineTuneException">FT0251: the file has an error. FT0254: there is no such template or file.</exception>
    public static PromptTemplate Find(string setting, string folder, Tokenizer tokenizer, string? systemPrompt = null, SourcePosition position = default)
    {
        if (setting.Length == 0)
        {
            setting = tokenizer.ChatTemplate is null ? "alpaca" : ModelsOwn;
        }

        if (setting == ModelsOwn)
        {
            ChatTemplate chat = ChatTemplate.Of(tokenizer) ?? throw new FineTuneException(Codes.TemplateMissing,
                "PromptTemplate is chat, but the base model has no chat template.", $"Use one of {string.Join(", ", BuiltIn)}, or a .yaml or .jinja file.", position);
            return new PromptTemplate(setting, chat, null, systemPrompt, []);
        }

        if (BuiltInTemplate.Find(setting) is { } builtIn)
        {
            return FromBuiltIn(builtIn, tokenizer, systemPrompt);
        }

        string extension = Path.GetExtension(setting).ToLowerInvariant();
        string path = Path.Combine(folder, setting);
        if (extension is not (".yaml" or ".yml" or ".jinja" or ".jinja2" or ".j2"))
        {
            string meant = Suggestion.Nearest(setting, [ModelsOwn, .. BuiltIn]) is { } near ? $" Did you mean {near}?" : "";
            throw new FineTuneException(Codes.TemplateMissing, $"There is no prompt template {setting}.{meant}",
                $"Use {ModelsOwn}, one of {string.Join(", ", BuiltIn)}, or a .yaml or .jinja file.", position);
        }

        if (!File.Exists(path))
        {
            throw new FineTuneException(Codes.TemplateMissing, $"The prompt template {setting} does not exist.", $"Looked for {Path.GetFullPath(path)}.", position);
        }

        return extension is ".yaml" or ".yml" ? FromYaml(TemplateFile.Read(path), tokenizer, systemPrompt)
            : new PromptTemplate(setting, ChatTemplate.Parse(File.ReadAllText(path), path, tokenizer.Special), null, systemPrompt, []);
    }

    private static PromptTemplate FromBuiltIn(BuiltInTemplate builtIn, Tokenizer tokenizer, string? systemPrompt)
    {
        IReadOnlyDictionary<string, string> special = ChatTemplate.Variables(tokenizer.Special);
        string name = $"built-in template {builtIn.Name}";
        ColumnsTemplate? columns = builtIn.Prompt is null ? null
            : new ColumnsTemplate(JinjaTemplate.Parse(builtIn.Prompt, name), JinjaTemplate.Parse("{{ output }}", name), special);
        return new PromptTemplate(builtIn.Name, new ChatTemplate(JinjaTemplate.Parse(builtIn.Chat, name), special), columns, systemPrompt, builtIn.Stop);
    }

    private static PromptTemplate FromYaml(TemplateFile file, Tokenizer tokenizer, string? systemPrompt)
    {
        IReadOnlyDictionary<string, string> special = ChatTemplate.Variables(tokenizer.Special);
        // A prompt is text with holes: every newline stays as written, except the one that ends a block of YAML in a completion.
        ColumnsTemplate? columns = file.Prompt is null ? null : new ColumnsTemplate(
            JinjaTemplate.ParseText(file.Prompt.Text, file.Path, file.Prompt.Line),
            JinjaTemplate.ParseText(file.Completion!.Text.EndsWith('\n') ? file.Completion.Text[..^1] : file.Completion.Text, file.Path, file.Completion.Line),
            special);
        ChatTemplate? chat = file.Chat is null ? null : new ChatTemplate(JinjaTemplate.Parse(file.Chat.Text, file.Path, file.Chat.Line), special);
        return new PromptTemplate(file.Name ?? Path.GetFileNameWithoutExtension(file.Path), chat, columns,
            string.IsNullOrEmpty(systemPrompt) ? file.System : systemPrompt, file.Stop);
    }
}
