using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts.Jinja.Values;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Prompts;

/// <summary>
/// How rows become text: a chat template over messages, a prompt and a completion over columns, or both. Rows of the other kind are
/// translated: columns to a question and its answer, a single question and answer to columns (which go first where a template has both).
/// Immutable; may be used from several threads.
/// </summary>
public sealed class PromptTemplate
{
    private readonly ChatTemplate? _chat;
    private readonly ColumnsTemplate? _columns;
    private readonly string? _system;

    internal PromptTemplate(string name, ChatTemplate? chat, ColumnsTemplate? columns, string? system, IReadOnlyList<string> stop) =>
        (Name, _chat, _columns, _system, Stop) = (name, chat, columns, string.IsNullOrEmpty(system) ? null : system, stop);

    public string Name { get; }

    internal ChatTemplate? ChatForm => _chat;

    internal ColumnsTemplate? ColumnsForm => _columns;

    internal string? DefaultSystem => _system;

    /// <summary>True where the template holds one question and its answer, not a conversation.</summary>
    public bool IsSingleTurn => _chat is null;

    /// <summary>Texts that end an answer, besides the model's own end tokens.</summary>
    public IReadOnlyList<string> Stop { get; }

    /// <summary>Everything that the rendered text depends on besides the row: for the key of a stage.</summary>
    public string Source => string.Join('\0', _chat?.Source, _columns?.Source, _system);

    /// <summary>
    /// The Jinja chat template with which other programs ask the model as this template does, its system message included. Of a template over columns
    /// it is the form for one question and its answer; null where a conversation cannot fill the columns.
    /// </summary>
    public string? ServedSource(Tokenizer tokenizer) => ServedTemplate.Of(this, tokenizer);

    /// <summary>A row as text with what is to be learnt.</summary>
    /// <param name="supervision">Which turns of a conversation are learnt; null = the assistant's.</param>
    /// <exception cref="FineTuneException">
    /// FT0252: the template fails on the row; FT0253: the template and the row do not fit each other. At the place of the row.
    /// </exception>
    public RenderedText Render(Example example, Supervision? supervision = null) => example switch
    {
        TextExample text => Whole(text.Text),
        ColumnsExample { IsPromptCompletion: true } row => ColumnsTemplate.Join(row.Text("prompt"), row.Text("completion")),
        ColumnsExample row when _columns is not null => _columns.Render(row.Columns, _system, row.Position),
        ColumnsExample row => RenderChat(new ChatExample(Messages(row), null, row.Position), supervision),
        ChatExample chat when _columns is not null && (Columns(chat.Messages) ?? (_chat is null ? throw TooManyTurns(chat) : null)) is { } columns =>
            _columns.Render(columns, _system, chat.Position),
        ChatExample chat => chat.CompletionStart is int start ? RenderCompletion(chat, start) : RenderChat(chat, supervision),
        _ => throw new ArgumentException($"A {example.GetType().Name} takes no template.", nameof(example)),
    };

    /// <summary>What the model is given to answer the last message; nothing of it is marked as learnt.</summary>
    /// <param name="messages">Objects with role and content; the last one from the user.</param>
    public RenderedText RenderPrompt(JsonArray messages, JsonArray? tools = null)
    {
        var answered = new JsonArray([.. messages.Select(message => message?.DeepClone()), Message("assistant", "")]);
        if (_columns is not null && Columns(answered) is { } columns)
        {
            return new RenderedText(_columns.RenderPrompt(columns, _system, default), []);
        }

        if (_chat is null)
        {
            throw TooManyTurns(new ChatExample(messages, tools, default));
        }

        string text = _chat.Render(WithSystem(messages), new ChatTemplateOptions { AddGenerationPrompt = true, Tools = tools }).Text;
        return new RenderedText(text, []) { WritesSpecialTokens = true };
    }

    private static RenderedText Whole(string text) => new(text, [new TextSpan(0, CodePointCount(text))]);

    private static int CodePointCount(string text) => PyCharacters.Length(text);

    private RenderedText RenderChat(ChatExample chat, Supervision? supervision) =>
        new SupervisedTurns(_chat!, WithSystem(chat.Messages), Options(chat), chat.Position, supervision).Render();

    private static ChatTemplateOptions Options(ChatExample chat) => new() { Tools = chat.Tools, Variables = chat.Variables };

    /// <summary>Messages of which the first are the prompt: what the completion adds is learnt.</summary>
    private RenderedText RenderCompletion(ChatExample chat, int start)
    {
        JsonArray messages = WithSystem(chat.Messages);
        start += messages.Count - chat.Messages.Count;
        ChatTemplateOptions options = Options(chat);
        var asked = new JsonArray([.. messages.Take(start).Select(message => message?.DeepClone())]);
        string whole = _chat!.Render(messages, options, chat.Position).Text;
        return Whole(whole) with
        {
            Prompt = _chat.Render(asked, options with { AddGenerationPrompt = true }, chat.Position).Text,
            WritesSpecialTokens = true,
        };
    }

    private JsonArray WithSystem(JsonArray messages)
    {
        bool hasSystem = messages.Count > 0 && ChatRoles.Of(messages[0]) is "system" or "developer";
        return _system is null || hasSystem ? messages
            : new JsonArray([Message("system", _system), .. messages.Select(message => message?.DeepClone())]);
    }

    private static JsonArray Messages(ColumnsExample row)
    {
        string system = row.Text("system"), input = row.Text("input");
        string question = row.Text("instruction") + (input.Length > 0 ? "\n\n" + input : "");
        JsonArray messages = [Message("user", question), Message("assistant", row.Text("output"))];
        if (system.Length > 0)
        {
            messages.Insert(0, Message("system", system));
        }

        return messages;
    }

    /// <summary>A single question with its answer, perhaps a system message before it, as columns; null for anything else.</summary>
    private static JsonObject? Columns(JsonArray messages)
    {
        List<(string Role, string? Text)> turns = [.. messages.Select(message => (Text(message, "role") ?? "", Text(message, "content")))];
        string? system = turns is [("system", { } first), ..] ? first : null;
        return turns[(system is null ? 0 : 1)..] is [("user", { } question), ("assistant", { } answer)]
            ? new JsonObject { ["system"] = system, ["instruction"] = question, ["input"] = "", ["output"] = answer } : null;

        static string? Text(JsonNode? message, string key) => message?[key] is JsonValue value && value.TryGetValue(out string? text) ? text : null;
    }

    private FineTuneException TooManyTurns(ChatExample chat) => new(Codes.TemplateDoesNotFit,
        $"The template {Name} is made for one question and its answer as text; this conversation has {chat.Messages.Count} messages.",
        "Use PromptTemplate chat, or a template with a chat key.", chat.Position);

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };
}
