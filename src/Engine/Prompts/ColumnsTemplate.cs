using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts.Jinja;
using FineTuneTool.Engine.Prompts.Jinja.Values;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Prompts;

/// <summary>A prompt and a completion over the columns of a row; only the completion is learnt.</summary>
internal sealed class ColumnsTemplate(JinjaTemplate prompt, JinjaTemplate completion, IReadOnlyDictionary<string, string> specialTokens)
{
    public string Source => prompt.Source + "\0" + completion.Source;

    public string PromptSource => prompt.Source;

    public string CompletionSource => completion.Source;

    public RenderedText Render(JsonObject columns, string? system, SourcePosition position) =>
        Join(RenderPrompt(columns, system, position), Render(completion, columns, system, position));

    public string RenderPrompt(JsonObject columns, string? system, SourcePosition position) => Render(prompt, columns, system, position);

    /// <summary>A prompt with its completion; where the one ends in tokens and the other begins is decided by the tokens.</summary>
    public static RenderedText Join(string prompt, string completion)
    {
        int length = PyCharacters.Length(prompt) + PyCharacters.Length(completion);
        return new RenderedText(prompt + completion, [new TextSpan(0, length)]) { Prompt = prompt };
    }

    private string Render(JinjaTemplate template, JsonObject columns, string? system, SourcePosition position)
    {
        var variables = new Dictionary<string, object?>();
        foreach ((string name, string text) in specialTokens)
        {
            variables[name] = text;
        }

        variables["system"] = system ?? "";
        foreach ((string name, JsonNode? value) in columns)
        {
            if (name != "system" || value is not null)
            {
                variables[name] = value;
            }
        }

        try
        {
            return template.RenderRaw(variables, ChatTemplateOptions.Default.Now).Text;
        }
        catch (JinjaError error)
        {
            Diagnostic failed = template.Failed(error).Diagnostic;
            throw new FineTuneException(position.File is null ? failed : failed with { Position = position }, error);
        }
    }
}
