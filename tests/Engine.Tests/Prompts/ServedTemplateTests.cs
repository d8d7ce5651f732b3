using System.Text;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tests.Tokenizers;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Prompts;

/// <summary>The chat template that goes along with an export asks what training asked.</summary>
public sealed class ServedTemplateTests : IDisposable
{
    private const string Legal = "name: legal\nprompt: |\n  ### Q's \\ \"x\":\n  {{ instruction }}{% if input %} {{ input }}{% endif %}\n  {% raw %}{{ }}{% endraw %}\n\n  ### A:\ncompletion: \"{{ output }}\"\n";

    private static readonly Tokenizer SmolLm2 = TokenizerGoldens.Tokenizer(TokenizerGoldens.Local, "smollm2");
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A tokenizer that puts &lt;s&gt; before each text.</summary>
    private static Tokenizer WithBos()
    {
        JsonObject json = SmallTokenizers.ByteLevel();
        json["added_tokens"] = new JsonArray(SmallTokenizers.Added(95, "<s>"), SmallTokenizers.Added(96, "</s>"));
        json["post_processor"] = JsonNode.Parse("""
            {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
             "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
             "special_tokens": {"<s>": {"id": "<s>", "ids": [95], "tokens": ["<s>"]}}}
            """);
        return TokenizerJson.Read(Encoding.UTF8.GetBytes(json.ToJsonString()), "tokenizer.json", new TokenizerDeclarations("<s>", "</s>"));
    }

    private PromptTemplate Find(string setting, Tokenizer tokenizer, string? system = null) => PromptTemplates.Find(setting, _folder.Path, tokenizer, system);

    private static string Served(PromptTemplate template, Tokenizer tokenizer, bool asks, params string[] turns) =>
        ChatTemplate.Parse(template.ServedSource(tokenizer)!, "served", tokenizer.Special)
            .Render(PromptTemplateTests.Chat(turns).Messages, new ChatTemplateOptions { AddGenerationPrompt = asks }).Text;

    [Theory]
    [MemberData(nameof(PromptTemplateTests.ChatNames), MemberType = typeof(PromptTemplateTests))]
    public void Every_built_in_format_is_served_as_it_asks(string name)
    {
        foreach (Tokenizer tokenizer in (Tokenizer[])[SmolLm2, WithBos()])
        {
            PromptTemplate template = Find(name, tokenizer, "Be kind.");
            RenderedText asked = template.RenderPrompt(PromptTemplateTests.Chat("user:It's \\ Q").Messages);
            string served = Served(template, tokenizer, asks: true, "user:It's \\ Q");
            Assert.Equal(tokenizer.EncodeIds(asked.Text, addSpecialTokens: !asked.WritesSpecialTokens), tokenizer.EncodeIds(served, addSpecialTokens: false));
            Assert.Contains("Be kind.", served);
        }
    }

    [Fact]
    public void The_models_own_template_is_served_as_it_is()
    {
        _folder.Write("own.jinja", "{% for m in messages %}{{ m.content }}{% endfor %}");
        Assert.Equal("{% for m in messages %}{{ m.content }}{% endfor %}", Find("own.jinja", SmolLm2).ServedSource(SmolLm2));
    }

    [Fact]
    public void A_template_over_columns_is_served_as_a_chat_of_one_question()
    {
        _folder.Write("legal.yaml", Legal);
        foreach (Tokenizer tokenizer in (Tokenizer[])[SmolLm2, WithBos()])
        {
            PromptTemplate template = Find("legal.yaml", tokenizer);
            string bos = tokenizer.Special.AddBosToken ? "<s>" : "", prompt = bos + "### Q's \\ \"x\":\nWhy?\n{{ }}\n\n### A:\n";
            Assert.Equal(prompt, Served(template, tokenizer, asks: true, "system:S", "user:Before?", "assistant:So.", "user:Why?"));
            Assert.Equal(prompt + "Because." + tokenizer.Special.EosToken!.Text, Served(template, tokenizer, asks: false, "user:Why?", "assistant:Because."));
        }
    }

    [Fact]
    public void The_system_prompt_of_a_project_goes_into_a_template_over_columns()
    {
        _folder.Write("s.yaml", "prompt: \"{{ system }}|{{ instruction }}|\"\ncompletion: \"{{ output }}\"\n");
        PromptTemplate template = Find("s.yaml", SmolLm2, "It's mine");
        Assert.Equal("It's mine|Q|", Served(template, SmolLm2, asks: true, "user:Q"));
        Assert.Equal("Own|Q|", Served(template, SmolLm2, asks: true, "system:Own", "user:Q"));
    }

    [Fact]
    public void Columns_that_no_conversation_fills_have_no_chat_template()
    {
        _folder.Write("other.yaml", "prompt: \"{{ title }}: {{ body }}\"\ncompletion: \"{{ summary }}\"\n");
        Assert.Null(Find("other.yaml", SmolLm2).ServedSource(SmolLm2));
    }
}
