using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Stages;

namespace FineTuneTool.Tool.Commands;

/// <summary>Templates for chats and for requests that hold messages.</summary>
internal static class ChatFormats
{
    /// <summary>The template that a name stands for, found as a project finds it.</summary>
    /// <param name="template">chat, a built-in name, a .yaml or a .jinja file; null or "" for the model's own, or alpaca where it has none.</param>
    /// <param name="directory">Folder that a relative path starts from.</param>
    /// <exception cref="FineTuneException">FT0254: there is no such template. FT0251: it has a syntax error.</exception>
    public static PromptTemplate For(LoadedModel model, string? template, string directory) =>
        PromptTemplates.Find(template ?? "", directory, model.Tokenizer, position: new SourcePosition(model.Path));

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

    private static ChatTemplate Own(LoadedModel model) => ChatTemplate.Of(model.Tokenizer) ?? throw new FineTuneException(
        Codes.TemplateMissing, "The model has no chat template.", "Name one with --template, or continue plain text with 'finetune generate'.", new SourcePosition(model.Path));
}
