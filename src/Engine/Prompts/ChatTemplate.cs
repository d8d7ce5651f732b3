using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts.Jinja;
using FineTuneTool.Engine.Prompts.Jinja.Values;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Prompts;

/// <summary>
/// A chat template with the model's special tokens: what apply_chat_template of Hugging Face's transformers does. Message keys that are null
/// are dropped, the names of reasoning are made one, variables win over special tokens.
/// </summary>
public sealed class ChatTemplate
{
    // Added to the last message to find where its text ends; the trailing blank shows whether the template trims.
    private const string EndMark = "CONTINUE_FINAL_MESSAGE_TAG ";

    private readonly JinjaTemplate _template;
    private readonly IReadOnlyDictionary<string, string> _specialTokens;

    /// <param name="specialTokens">Text by variable: bos_token, eos_token …</param>
    public ChatTemplate(JinjaTemplate template, IReadOnlyDictionary<string, string> specialTokens) =>
        (_template, _specialTokens) = (template, specialTokens);

    public string Name => _template.Name;

    public string Source => _template.Source;

    /// <summary>The template marks what the assistant says, with {% generation %}.</summary>
    public bool HasGenerationMarks => _template.HasGenerationMarks;

    /// <param name="name">A file, or what else to call the template in diagnostics.</param>
    /// <exception cref="FineTuneException">FT0251: the template has a syntax error.</exception>
    public static ChatTemplate Parse(string source, string name, SpecialTokens special) =>
        new(JinjaTemplate.Parse(source, name), Variables(special));

    /// <summary>The tokenizer's own chat template, null where it has none.</summary>
    public static ChatTemplate? Of(Tokenizer tokenizer) =>
        tokenizer.ChatTemplate is { } source ? Parse(source, "chat template of the base model", tokenizer.Special) : null;

    /// <summary>The template variables that name special tokens.</summary>
    public static IReadOnlyDictionary<string, string> Variables(SpecialTokens special) =>
        new (string Name, SpecialToken? Token)[]
        {
            ("bos_token", special.BosToken),
            ("eos_token", special.EosToken),
            ("unk_token", special.UnknownToken),
            ("pad_token", special.PadToken),
        }.Where(item => item.Token is not null).ToDictionary(item => item.Name, item => item.Token!.Text);

    /// <summary>Renders messages. The spans are those that the template marks; none where it has no marks.</summary>
    /// <param name="messages">Objects with role and content; not changed.</param>
    /// <param name="position">The row, for diagnostics.</param>
    /// <exception cref="FineTuneException">FT0252: the template refuses the messages, fails on them, or takes too much.</exception>
    public RenderedText Render(IEnumerable<JsonNode?> messages, ChatTemplateOptions options, SourcePosition position = default)
    {
        try
        {
            return RenderRaw(messages, options);
        }
        catch (JinjaError error)
        {
            Diagnostic failed = _template.Failed(error).Diagnostic;
            throw new FineTuneException(
                position.File is null ? failed : failed with { Message = $"{failed.Message} ({Place(failed.Position)})", Position = position }, error);
        }
    }

    private static string Place(SourcePosition position) => position.Line > 0 ? $"{position.File}, line {position.Line}" : position.File ?? "template";

    private RenderedText RenderRaw(IEnumerable<JsonNode?> messages, ChatTemplateOptions options)
    {
        JsonObject[] clean = [.. messages.Select(message => message as JsonObject ?? throw JinjaError.Type("a message is not an object"))];
        if (clean.Length == 0)
        {
            throw JinjaError.Value("cannot render an empty conversation");
        }

        string final = "";
        if (options.ContinueFinalMessage)
        {
            final = options.AddGenerationPrompt
                ? throw JinjaError.Value("a final message cannot be continued and followed by a generation prompt")
                : MarkEnd(clean[^1] = (JsonObject)clean[^1].DeepClone());
        }

        RenderedText rendered = _template.RenderRaw(Variables(clean, options), options.Now);
        return options.ContinueFinalMessage ? CutAtMark(rendered, final) : rendered;
    }

    private IEnumerable<KeyValuePair<string, object?>> Variables(JsonObject[] messages, ChatTemplateOptions options)
    {
        var variables = new Dictionary<string, object?>();
        foreach ((string name, string text) in _specialTokens)
        {
            variables[name] = text;
        }

        variables["messages"] = messages.Select(Clean).ToList();
        variables["tools"] = options.Tools;
        variables["documents"] = options.Documents;
        variables["add_generation_prompt"] = options.AddGenerationPrompt;
        foreach ((string name, JsonNode? value) in options.Variables ?? [])
        {
            variables[name] = value;
        }

        return variables;
    }

    /// <summary>A message as templates see it: without null keys, with reasoning under each name that they read.</summary>
    private static object? Clean(JsonObject message)
    {
        var clean = new PyDict();
        foreach ((string name, JsonNode? value) in message)
        {
            if (value is not null)
            {
                clean.Set(name, PyJson.FromNode(value));
            }
        }

        foreach (string name in (ReadOnlySpan<string>)["reasoning_content", "thinking", "reasoning"])
        {
            if (clean.TryGet(name, out object? reasoning))
            {
                clean.Set("reasoning_content", reasoning);
                if (!clean.TryGet("thinking", out _))
                {
                    clean.Set("thinking", reasoning);
                }

                break;
            }
        }

        return clean;
    }

    /// <summary>Adds the mark to the last text of a message; gives back the text before it.</summary>
    private static string MarkEnd(JsonObject message)
    {
        JsonNode? holder = message;
        string key = "content";
        if (message["content"] is JsonArray parts)
        {
            holder = parts.LastOrDefault(part => part is JsonObject fields && fields.ContainsKey("text"));
            key = "text";
        }

        if (holder is not JsonObject target || target[key] is not JsonValue value || !value.TryGetValue(out string? text))
        {
            throw JinjaError.Value("the final message, which is to be continued, holds no text");
        }

        target[key] = text + EndMark;
        return text;
    }

    private static RenderedText CutAtMark(RenderedText rendered, string final)
    {
        string text = rendered.Text;
        int mark = text.LastIndexOf(EndMark.TrimEnd(), StringComparison.Ordinal);
        if (mark < 0 || !text.Contains(PyCharacters.Trim(final, null, start: true, end: true), StringComparison.Ordinal))
        {
            throw JinjaError.Value("the final message, which is to be continued, does not appear in what the template prints");
        }

        bool spaceKept = string.CompareOrdinal(text, mark, EndMark, 0, EndMark.Length) == 0;
        string cut = spaceKept ? text[..mark] : PyCharacters.TrimEnd(text.AsSpan(0, mark)).ToString();
        int length = PyCharacters.Length(cut);
        return rendered with
        {
            Text = cut,
            Supervised = [.. rendered.Supervised.Where(span => span.Start < length).Select(span => new TextSpan(span.Start, Math.Min(span.End, length)))],
        };
    }
}
