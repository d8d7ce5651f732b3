using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tests.Tokenizers;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Tests.Prompts;

public sealed class PromptTemplateTests : IDisposable
{
    private static readonly Tokenizer SmolLm2 = TokenizerGoldens.Tokenizer(TokenizerGoldens.Local, "smollm2");
    private static readonly SourcePosition Row = new("train.jsonl", 7);
    private readonly string _folder = Directory.CreateTempSubdirectory("template").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // bos_token is <|im_start|> and eos_token <|im_end|> in these.
    [Theory]
    [InlineData("chatml", "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n[A<|im_end|>]\n")]
    [InlineData("qwen", "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n[A<|im_end|>]\n")]
    [InlineData("llama2", "<|im_start|>[INST] <<SYS>>\nS\n<</SYS>>\n\nQ [/INST][ A <|im_end|>]")]
    [InlineData("llama3", "<|im_start|><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nQ<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n[A<|eot_id|>]")]
    [InlineData("mistral", "<|im_start|>[INST] S\n\nQ [/INST][ A<|im_end|>]")]
    [InlineData("zephyr", "<|system|>\nS<|im_end|>\n<|user|>\nQ<|im_end|>\n<|assistant|>\n[A<|im_end|>]\n")]
    [InlineData("vicuna", "<|im_start|>S USER: Q ASSISTANT:[ A<|im_end|>]")]
    [InlineData("phi3", "<|system|>\nS<|end|>\n<|user|>\nQ<|end|>\n<|assistant|>\n[A<|end|>]\n")]
    [InlineData("gemma", "<|im_start|><start_of_turn>user\nS\n\nQ<end_of_turn>\n<start_of_turn>model\n[A<end_of_turn>]\n")]
    public void Built_in_chat_formats_are_those_published(string name, string expected)
    {
        PromptTemplate template = PromptTemplates.Find(name, _folder, SmolLm2);
        Assert.Equal(expected, Bracketed(template.Render(Chat("system:S", "user:Q", "assistant:A"))));
        Assert.Equal(expected[..expected.LastIndexOf('[')], template.RenderPrompt(Chat("system:S", "user:Q").Messages).Text);
    }

    [Theory]
    [MemberData(nameof(ChatNames))]
    public void Every_built_in_prompt_is_the_beginning_of_the_answered_text_up_to_what_is_learnt(string name)
    {
        PromptTemplate template = PromptTemplates.Find(name, _folder, SmolLm2);
        ChatExample chat = Chat("user:Hi", "assistant:Hello", "user:Bye", "assistant:See you");
        RenderedText whole = template.Render(chat);
        string prompt = template.RenderPrompt(new JsonArray([.. chat.Messages.Take(3).Select(message => message!.DeepClone())])).Text;
        Assert.Equal(2, whole.Supervised.Count);
        Assert.Equal(whole.Text[..whole.Supervised[1].Start], prompt);
        Assert.Contains("Hello", whole.Text[whole.Supervised[0].Start..whole.Supervised[0].End]);
        Assert.EndsWith(whole.Text[whole.Supervised[1].Start..whole.Supervised[1].End], whole.Text.TrimEnd());
    }

    public static TheoryData<string> ChatNames => [.. PromptTemplates.BuiltIn];

    [Fact]
    public void Alpaca_rows_have_the_published_text_with_and_without_input()
    {
        PromptTemplate alpaca = PromptTemplates.Find("alpaca", _folder, SmolLm2);
        RenderedText plain = alpaca.Render(Columns(("instruction", "Do it."), ("input", ""), ("output", "Done.")));
        Assert.Equal("Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\nDo it.\n\n### Response:\n", plain.Prompt);
        Assert.Equal(plain.Prompt + "Done.", plain.Text);
        RenderedText input = alpaca.Render(Columns(("instruction", "Do it."), ("input", "x"), ("output", "Done.")));
        Assert.Equal("Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.\n\n### Instruction:\nDo it.\n\n### Input:\nx\n\n### Response:\n", input.Prompt);
        Assert.Equal(plain.Prompt, alpaca.RenderPrompt(Chat("user:Do it.").Messages).Text);
        Assert.False(plain.WritesSpecialTokens);
    }

    [Fact]
    public void A_yaml_template_keeps_its_lines_as_written()
    {
        PromptTemplate template = Yaml("""
            name: korean-legal
            system: null
            prompt: |
              ### 질문:
              {{ instruction }}{% if input %} {{ input }}{% endif %}

              ### 답변:
            completion: "{{ output }}"
            stop: ["### 질문:"]
            """);
        RenderedText text = template.Render(Columns(("instruction", "선의취득"), ("input", "이란?"), ("output", "제도이다.")));
        Assert.Equal("### 질문:\n선의취득 이란?\n\n### 답변:\n", text.Prompt);
        Assert.Equal(text.Prompt + "제도이다.", text.Text);
        Assert.Equal(["### 질문:"], template.Stop);
        Assert.Equal("korean-legal", template.Name);
        Assert.Equal("### 질문:\nQ\n\n### 답변:\n", template.RenderPrompt(Chat("user:Q").Messages).Text);
    }

    [Fact]
    public void A_yaml_template_may_hold_a_whole_chat_template()
    {
        PromptTemplate template = Yaml("""
            system: Be brief.
            chat: |
              {%- for m in messages %}{{ m.role }}: {% generation %}{{ m.content }}{% endgeneration %}
              {% endfor %}
            """);
        Assert.Equal("system: [Be brief.]user: [Q]", Bracketed(template.Render(Chat("user:Q"))).Replace("\n", ""));
    }

    [Fact]
    public void The_system_prompt_fills_in_where_a_row_has_none()
    {
        PromptTemplate template = PromptTemplates.Find("chatml", _folder, SmolLm2, "Be kind.");
        Assert.StartsWith("<|im_start|>system\nBe kind.<|im_end|>\n", template.Render(Chat("user:Q", "assistant:A")).Text);
        Assert.StartsWith("<|im_start|>system\nOwn.<|im_end|>\n", template.Render(Chat("system:Own.", "user:Q", "assistant:A")).Text);
        Assert.StartsWith("<|im_start|>system\nBe kind.<|im_end|>\n", template.RenderPrompt(Chat("user:Q").Messages).Text);
    }

    [Fact]
    public void Columns_become_a_question_and_an_answer_for_chat_templates()
    {
        RenderedText text = PromptTemplates.Find("chatml", _folder, SmolLm2).Render(Columns(("instruction", "Translate."), ("input", "Hund"), ("output", "dog")));
        Assert.Equal("<|im_start|>user\nTranslate.\n\nHund<|im_end|>\n<|im_start|>assistant\n[dog<|im_end|>]\n", Bracketed(text));
    }

    [Theory]
    [InlineData("prompt: a\ncompletion: b\nstops: []\n", 3)]
    [InlineData("name: x\n", 1)]
    [InlineData("prompt: a\n", 1)]
    [InlineData("prompt: a\ncompletion: [1]\n", 2)]
    [InlineData("prompt: a\ncompletion: b\nstop: {a: b}\n", 3)]
    [InlineData("prompt: |\n  one\n  {{ two\n\n  three }\ncompletion: b\n", 5)]
    [InlineData("prompt: |\n  one\n  {% unknown %}\ncompletion: b\n", 3)]
    [InlineData("prompt: \"a\ncompletion", 1)]
    [InlineData("- a\n- b\n", 1)]
    public void A_wrong_yaml_template_is_FT0251_at_its_line(string yaml, int line)
    {
        Diagnostic diagnostic = Assert.Throws<FineTuneException>(() => Yaml(yaml)).Diagnostic;
        Assert.Equal((Codes.TemplateSyntax, line), (diagnostic.Code, diagnostic.Position.Line));
        Assert.EndsWith("template.yaml", diagnostic.Position.File);
    }

    [Theory]
    [InlineData("alpacca", "Did you mean alpaca?")]
    [InlineData("none.yaml", "does not exist")]
    public void An_unknown_template_is_FT0254(string setting, string words)
    {
        Diagnostic diagnostic = Assert.Throws<FineTuneException>(() => PromptTemplates.Find(setting, _folder, SmolLm2, position: Row)).Diagnostic;
        Assert.Equal((Codes.TemplateMissing, Row), (diagnostic.Code, diagnostic.Position));
        Assert.Contains(words, diagnostic.Message);
    }

    [Fact]
    public void A_conversation_that_the_template_refuses_is_FT0252_at_its_row()
    {
        PromptTemplate gemma = PromptTemplates.Find("gemma", _folder, SmolLm2);
        Diagnostic diagnostic = Assert.Throws<FineTuneException>(() => gemma.Render(Chat("user:a", "user:b"))).Diagnostic;
        Assert.Equal((Codes.TemplateFailed, Row), (diagnostic.Code, diagnostic.Position));
        Assert.Contains("take turns", diagnostic.Message);
    }

    [Fact]
    public void A_conversation_of_several_turns_does_not_fit_a_prompt_with_one_answer()
    {
        PromptTemplate template = Yaml("prompt: \"{{ instruction }}\"\ncompletion: \"{{ output }}\"\n");
        Diagnostic diagnostic = Assert.Throws<FineTuneException>(() => template.Render(Chat("user:a", "assistant:b", "user:c", "assistant:d"))).Diagnostic;
        Assert.Equal((Codes.TemplateDoesNotFit, Row), (diagnostic.Code, diagnostic.Position));
    }

    internal static ChatExample Chat(params IEnumerable<string> turns) => new(
        new JsonArray([.. turns.Select(turn => new JsonObject { ["role"] = turn[..turn.IndexOf(':')], ["content"] = turn[(turn.IndexOf(':') + 1)..] })]), null, Row);

    /// <summary>The text with brackets around what is learnt.</summary>
    internal static string Bracketed(RenderedText rendered)
    {
        string text = rendered.Text;
        foreach ((int start, int end) in rendered.Supervised.Select(span => (span.Start, span.End)).Reverse())
        {
            text = text.Insert(end, "]").Insert(start, "[");
        }

        return text;
    }

    private static ColumnsExample Columns(params IEnumerable<(string Name, string Value)> columns) =>
        new(new JsonObject(columns.Select(column => KeyValuePair.Create(column.Name, (JsonNode?)column.Value))), Row);

    private PromptTemplate Yaml(string text)
    {
        File.WriteAllText(Path.Combine(_folder, "template.yaml"), text);
        return PromptTemplates.Find("template.yaml", _folder, SmolLm2);
    }
}
