using System.Text.Json.Nodes;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Generation;

/// <summary>Chats in the form of a prompt template, as the rows of training were written.</summary>
public static class PromptFormats
{
    /// <summary>A template for one question and its answer forgets the turns before the last question.</summary>
    public static ChatFormat Of(PromptTemplate template) => turns => template.RenderPrompt(
        [.. (template.IsSingleTurn ? turns.Where((turn, i) => turn.Role == ChatTurn.System || i == turns.Count - 1) : turns)
            .Select(turn => new JsonObject { ["role"] = turn.Role, ["content"] = turn.Content })]);

    /// <summary>Answers end at the tokenizer's end tokens and at the template's stop texts.</summary>
    public static GenerationOptions Options(PromptTemplate template, Tokenizer tokenizer, SamplingSettings sampling) =>
        new(sampling) { StopIds = tokenizer.EndOfGenerationIds.ToHashSet(), StopStrings = template.Stop };
}
