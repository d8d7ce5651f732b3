using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Prompts.Jinja;

namespace FineTuneTool.Engine.Tests.Prompts;

/// <summary>What is the assistant's where a template has no generation marks.</summary>
public class SupervisedTurnsTests
{
    private const string ChatMl = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    private static readonly string Marked = ChatMl.Replace("{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}", "<|im_start|>{{ m.role + '\n' }}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}{{ '\n' }}{% else %}{{ m.content + '<|im_end|>\n' }}{% endif %}");

    [Fact]
    public void A_turn_is_its_text_and_the_token_that_ends_it()
    {
        Assert.Equal(
            "<|im_start|>user\n한글 😀<|im_end|>\n<|im_start|>assistant\n[😀 b\n<|im_end|>]\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n[d<|im_end|>]\n",
            Spans(ChatMl, "user:한글 😀", "assistant:😀 b\n", "user:c", "assistant:d"));
    }

    [Fact]
    public void What_a_template_prints_only_after_the_last_message_is_not_learnt()
    {
        string template = ChatMl.Replace("{% if add_generation_prompt %}", "{% if not add_generation_prompt %}<|endoftext|>{% endif %}{% if add_generation_prompt %}");
        Assert.EndsWith("[d<|im_end|>]\n<|endoftext|>", Spans(template, "user:a", "assistant:b", "user:c", "assistant:d"));
    }

    [Fact]
    public void Without_an_end_token_the_turn_is_its_text()
    {
        Assert.Equal("Q: a\nA: [b]\nQ: c\nA: [d]\n",
            Spans("{% for m in messages %}{{ 'Q: ' if m.role == 'user' else 'A: ' }}{{ m.content + '\n' }}{% endfor %}{{ 'A: ' if add_generation_prompt }}", "user:a", "assistant:b", "user:c", "assistant:d"));
    }

    [Fact]
    public void An_end_token_after_a_blank_is_learnt_with_the_blank()
    {
        Assert.Equal("[INST] a [/INST][ b </s>]",
            Spans("{% for m in messages %}{{ '[INST] ' + m.content + ' [/INST]' if m.role == 'user' else ' ' + m.content + ' </s>' }}{% endfor %}", "user:a", "assistant:b"));
    }

    [Fact]
    public void A_conversation_may_begin_with_the_assistant()
    {
        Assert.StartsWith("<|im_start|>assistant\n[Welcome<|im_end|>]\n", Spans(ChatMl, "assistant:Welcome", "user:a"));
    }

    [Fact]
    public void Messages_marked_as_not_to_be_learnt_are_left_out()
    {
        ChatExample chat = PromptTemplateTests.Chat("user:a", "assistant:b", "user:c", "assistant:d", "user:e", "assistant:f");
        chat.Messages[1]!["train"] = false;
        chat.Messages[3]!["weight"] = 0;
        foreach (string template in new[] { ChatMl, Marked })
        {
            RenderedText text = Render(template, chat.Messages);
            Assert.Equal("f<|im_end|>", text.Text[text.Supervised.Single().Start..text.Supervised.Single().End]);
        }
    }

    [Theory]
    [InlineData(ChatMl)]
    [InlineData("{% for m in messages %}{{ '[INST] ' + m.content | trim + ' [/INST]' if m.role == 'user' else ' ' + m.content | trim + ' </s>' }}{% endfor %}")]
    public void The_turns_of_a_long_conversation_are_found_as_those_of_its_parts_are(string template)
    {
        string[] turns = [.. Enumerable.Range(0, 40).Select(i => i % 2 == 0 ? $"user:question {i} 😀" : $"assistant: answer {i}\n한글")];
        string whole = Spans(template, turns);
        Assert.Equal(20, whole.Split("[ answer").Length + whole.Split("[answer").Length - 2);
        for (int count = 2; count <= 16; count += 2)
        {
            Assert.StartsWith(Spans(template, turns.Take(count)), whole);
        }
    }

    [Fact]
    public void A_long_conversation_whose_template_drops_the_thinking_of_earlier_answers_is_FT0253()
    {
        string template = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + (m.content if loop.last else m.content.split('</think>')[-1]) + '<|im_end|>\n' }}{% endfor %}{{ '<|im_start|>assistant\n' if add_generation_prompt }}";
        string[] turns = [.. Enumerable.Range(0, 40).Select(i => i % 2 == 0 ? $"user:q{i}" : $"assistant:<think>t</think>a{i}")];
        Assert.Equal(Codes.TemplateDoesNotFit, Assert.Throws<FineTuneException>(() => Spans(template, turns)).Diagnostic.Code);
    }

    [Fact]
    public void The_last_turn_alone_is_learnt_where_only_that_is_asked_for()
    {
        var last = new Supervision([ChatRoles.Assistant], LastTurnOnly: true);
        foreach (string template in new[] { ChatMl, Marked })
        {
            RenderedText text = Render(template, PromptTemplateTests.Chat("user:a", "assistant:b", "user:c", "assistant:d").Messages, last);
            Assert.Equal("d<|im_end|>", text.Text[text.Supervised.Single().Start..text.Supervised.Single().End]);
        }
    }

    [Fact]
    public void Other_roles_are_learnt_from_their_text_to_the_end_of_their_turn()
    {
        var users = new Supervision(["user"], LastTurnOnly: false);
        foreach (string template in new[] { ChatMl, Marked })
        {
            RenderedText text = Render(template, PromptTemplateTests.Chat("system:s", "user:question", "assistant:b", "user:c", "assistant:d").Messages, users);
            Assert.Equal(["question<|im_end|>", "c<|im_end|>"], text.Supervised.Select(span => text.Text[span.Start..span.End]));
        }
    }

    [Fact]
    public void The_weight_of_a_message_goes_with_its_span()
    {
        ChatExample chat = PromptTemplateTests.Chat("user:a", "assistant:b", "user:c", "assistant:d");
        Assert.Null(Render(ChatMl, chat.Messages).Weights);
        chat.Messages[3]!["weight"] = 0.25;
        Assert.All([ChatMl, Marked], template => Assert.Equal([1f, 0.25f], Render(template, chat.Messages).Weights!));
    }

    [Fact]
    public void A_template_that_prints_earlier_turns_differently_is_FT0253()
    {
        string template = "{% for m in messages %}{{ m.role + ':' + (m.content if loop.last else m.content | upper) + ';' }}{% endfor %}{{ 'assistant:' if add_generation_prompt }}";
        Diagnostic diagnostic = Assert.Throws<FineTuneException>(() => Spans(template, "user:A", "assistant:b", "user:C", "assistant:d")).Diagnostic;
        Assert.Equal((Codes.TemplateDoesNotFit, 7), (diagnostic.Code, diagnostic.Position.Line));
    }

    [Fact]
    public void A_template_whose_prompt_is_no_beginning_of_the_answer_is_FT0253()
    {
        string template = ChatMl.Replace("<|im_start|>assistant\n' }}", "<|im_start|>assistant\n<think>\n' }}");
        Assert.Equal(Codes.TemplateDoesNotFit, Assert.Throws<FineTuneException>(() => Spans(template, "user:a", "assistant:b")).Diagnostic.Code);
    }

    private static string Spans(string template, params IEnumerable<string> turns)
    {
        RenderedText text = Render(template, PromptTemplateTests.Chat(turns).Messages);
        int[] offsets = [.. Enumerable.Range(0, text.Text.Length).Where(i => !char.IsLowSurrogate(text.Text[i])), text.Text.Length];
        return PromptTemplateTests.Bracketed(text with
        {
            Supervised = [.. text.Supervised.Select(span => new FineTuneTool.Engine.Tokenizers.TextSpan(offsets[span.Start], offsets[span.End]))],
        });
    }

    private static RenderedText Render(string template, JsonArray messages, Supervision? supervision = null)
    {
        var chat = new ChatTemplate(JinjaTemplate.Parse(template, "test"), new Dictionary<string, string>());
        return new SupervisedTurns(chat, messages, ChatTemplateOptions.Default, new SourcePosition("train.jsonl", 7), supervision).Render();
    }
}
