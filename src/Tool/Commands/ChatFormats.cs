using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Generation;
using FineTuneTool.Engine.Prompts;

namespace FineTuneTool.Tool.Commands;

/// <summary>How the turns of a chat become the text that a model continues.</summary>
internal static class ChatFormats
{
    /// <summary>The format that a template's name stands for, and the texts that end an answer in it.</summary>
    /// <param name="template"><c>chat</c> or null for the model's own template, or a .jinja file.</param>
    /// <param name="directory">Folder that a relative path starts from.</param>
    /// <exception cref="FineTuneException">FT0254: there is no such template. FT0251: it has a syntax error.</exception>
    public static (ChatFormat Format, IReadOnlyList<string> StopStrings) For(LoadedModel model, string? template, string directory)
    {
        ChatTemplate chat = template is null or "" or "chat" ? Own(model) : FromFile(model, Path.GetFullPath(template, directory));
        return (turns => chat.Render(Messages(turns), new ChatTemplateOptions { AddGenerationPrompt = true }).Text, []);
    }

    /// <summary>The ids of a request's messages in the model's own template; null where the request has none.</summary>
    public static int[]? Ids(JsonRequest request, LoadedModel model, bool addGenerationPrompt)
    {
        if (request.List("messages") is not { } messages)
        {
            return null;
        }

        var options = new ChatTemplateOptions { AddGenerationPrompt = addGenerationPrompt, Tools = request.List("tools") is { } tools ? Array(tools) : null };
        return model.Tokenizer.EncodeIds(Own(model).Render(Array(messages), options).Text, addSpecialTokens: false);
    }

    private static JsonArray Array(JsonElement list) => JsonArray.Create(list)!;

    private static JsonArray Messages(IReadOnlyList<ChatTurn> turns) =>
        [.. turns.Select(turn => new JsonObject { ["role"] = turn.Role, ["content"] = turn.Content })];

    private static ChatTemplate Own(LoadedModel model) => ChatTemplate.Of(model.Tokenizer) ?? throw new FineTuneException(
        Codes.TemplateMissing, "The model has no chat template.", "Name one with --template, or continue plain text with 'finetune generate'.", new SourcePosition(model.Path));

    private static ChatTemplate FromFile(LoadedModel model, string path)
    {
        try
        {
            return ChatTemplate.Parse(File.ReadAllText(path), path, model.Tokenizer.Special);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new FineTuneException(Codes.TemplateMissing, $"The template {path} cannot be read: {exception.Message}", "Check the path.", inner: exception);
        }
    }
}
