using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts.Jinja;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Prompts;

/// <summary>Makes the chat template with which programs that serve a model ask it as it was trained.</summary>
internal static class ServedTemplate
{
    private const string Question = "What is served?";

    // What a template over columns is given by a conversation: the last question, its answer where there is one, the system's text.
    private const string TurnToColumns = """
        {%- for message in messages -%}
        {%- if message.role == 'system' -%}{%- set turn.system = message.content -%}
        {%- elif message.role == 'user' -%}{%- set turn.question = message.content -%}{%- set turn.answer = none -%}
        {%- elif message.role == 'assistant' -%}{%- set turn.answer = message.content -%}
        {%- endif -%}
        {%- endfor -%}
        {%- set system = turn.system -%}{%- set instruction = turn.question -%}{%- set input = '' -%}
        """;

    /// <summary>
    /// The chat form of a prompt template, with its own system message where it has one; of a template over columns alone, the form for one question
    /// and its answer. Null where a conversation cannot fill its columns.
    /// </summary>
    public static string? Of(PromptTemplate template, Tokenizer tokenizer)
    {
        if (template.ChatForm is null)
        {
            string made = OverColumns(template.ColumnsForm!, template.DefaultSystem, tokenizer.Special);
            return Prints(made, tokenizer) is { } text && text.Contains(Question, StringComparison.Ordinal) && text == Asked(template, tokenizer) ? made : null;
        }

        string source = template.ChatForm.Source;
        if (template.DefaultSystem is { } system)
        {
            // The text after the tag keeps its first newline, which trim_blocks would take.
            source = "{%- if messages[0].role not in ['system', 'developer'] %}{%- set messages = [{'role': 'system', 'content': "
                + TightSource.Literal(system) + "}] + messages %}{%- endif %}{{- '' }}" + source;
        }

        // Rows of columns were given the token that the tokenizer puts before a text; a chat template has to write it.
        return template.ColumnsForm is not null && BosOf(tokenizer.Special) is { Length: > 0 } bos && Prints(source, tokenizer) is { } printed
            && bos + printed == Asked(template, tokenizer) ? "{{- bos_token }}" + source : source;
    }

    private static string OverColumns(ColumnsTemplate columns, string? system, SpecialTokens special) =>
        $"{{%- set turn = namespace(system={TightSource.Literal(system ?? "")}, question='', answer=none) -%}}\n" + TurnToColumns
        + (special.AddBosToken ? "\n{{- bos_token -}}" : "") + "\n" + TightSource.Of(columns.PromptSource, trim: false)
        + "\n{%- if turn.answer is not none -%}{%- set output = turn.answer -%}{%- generation -%}" + TightSource.Of(columns.CompletionSource, trim: false)
        + (special.EosToken is null ? "" : "{{- eos_token -}}") + "{%- endgeneration -%}{%- endif -%}\n";

    private static string? Prints(string source, Tokenizer tokenizer)
    {
        try
        {
            return ChatTemplate.Parse(source, "chat template for serving", tokenizer.Special)
                .Render(Conversation(), new ChatTemplateOptions { AddGenerationPrompt = true }).Text;
        }
        catch (FineTuneException)
        {
            return null;
        }
    }

    /// <summary>The prompt of one question as training has it, with the token that the tokenizer adds.</summary>
    private static string? Asked(PromptTemplate template, Tokenizer tokenizer)
    {
        try
        {
            RenderedText prompt = template.RenderPrompt(Conversation());
            string bos = prompt.WritesSpecialTokens ? "" : BosOf(tokenizer.Special);
            return bos.Length > 0 && prompt.Text.StartsWith(bos, StringComparison.Ordinal) ? prompt.Text : bos + prompt.Text;
        }
        catch (FineTuneException)
        {
            return null;
        }
    }

    private static string BosOf(SpecialTokens special) => special is { AddBosToken: true, BosToken: { } bos } ? bos.Text : "";

    private static JsonArray Conversation() => [new JsonObject { ["role"] = "user", ["content"] = Question }];
}
