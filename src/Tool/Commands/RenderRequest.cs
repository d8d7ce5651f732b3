using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Tool.Commands;

/// <summary>A conversation to render, and how.</summary>
/// <param name="Template">chat, a built-in name, a .yaml or a .jinja file; "" = the model's own, or the default where it has none.</param>
/// <param name="Variables">More variables for the template.</param>
internal sealed record RenderRequest(JsonArray Messages, JsonArray? Tools, string Template, JsonObject Variables, bool GenerationPrompt, bool ContinueFinalMessage)
{
    private static readonly string[] JinjaExtensions = [".jinja", ".jinja2", ".j2"];

    /// <summary>Renders it. Without a prompt to go on from, the text is what training would see, with what is learnt of it.</summary>
    /// <param name="report">Receives a warning where it cannot be said what is learnt.</param>
    /// <exception cref="FineTuneException">FT0251, FT0252, FT0254: the template is wrong, fails, or does not exist. FT0005: an option has no effect with it.</exception>
    public RenderedText Render(Tokenizer tokenizer, Action<Diagnostic> report)
    {
        ChatTemplate? chat = ChatTemplateOrNull(tokenizer);
        if (chat is null && ContinueFinalMessage)
        {
            throw NoEffect("continue-final-message");
        }

        if (chat is null && GenerationPrompt)
        {
            return Variables.Count == 0 ? Find(tokenizer).RenderPrompt(Messages, Tools) : throw NoEffect("set");
        }

        RenderedText? plain = chat is null ? null : chat.Render(Messages, Options()) with { WritesSpecialTokens = true };
        if (plain is not null && (GenerationPrompt || ContinueFinalMessage))
        {
            return plain;
        }

        try
        {
            return Find(tokenizer).Render(new ChatExample(Messages, Tools, default) { Variables = Variables });
        }
        catch (FineTuneException exception) when (plain is not null && exception.Diagnostic.Code == Codes.TemplateDoesNotFit)
        {
            report(exception.Diagnostic with { OverrideSeverity = Severity.Warning });
            return plain;
        }
    }

    /// <summary>The template as one over messages; null for those over columns, which take a question and its answer.</summary>
    private ChatTemplate? ChatTemplateOrNull(Tokenizer tokenizer)
    {
        if (Template is "" or PromptTemplates.ModelsOwn)
        {
            return ChatTemplate.Of(tokenizer);
        }

        return JinjaExtensions.Contains(Path.GetExtension(Template).ToLowerInvariant()) && File.Exists(Template)
            ? ChatTemplate.Parse(File.ReadAllText(Template), Template, tokenizer.Special)
            : null;
    }

    private PromptTemplate Find(Tokenizer tokenizer) => PromptTemplates.Find(Template, Directory.GetCurrentDirectory(), tokenizer);

    private ChatTemplateOptions Options() =>
        new() { AddGenerationPrompt = GenerationPrompt, ContinueFinalMessage = ContinueFinalMessage, Tools = Tools, Variables = Variables };

    private FineTuneException NoEffect(string option) => new(
        Codes.SettingHasNoEffect, $"--{option} has no effect with the template {(Template.Length == 0 ? "of this model" : Template)}.",
        "Leave the option out, or use the model's chat template or a .jinja file.");
}
