using FineTuneTool.Engine.Generation;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Generation;

public class PromptFormatsTests
{
    private static readonly Tokenizer Tokenizer = ScriptedSource.Tokenizer;
    private static readonly ChatTurn[] Turns = [new("system", "Be brief."), new("user", "One?"), new("assistant", "1."), new("user", "Two?")];

    [Fact]
    public void A_chat_template_is_given_every_turn_and_writes_the_special_tokens()
    {
        RenderedText text = PromptFormats.Of(PromptTemplates.Find("chatml", "", Tokenizer))(Turns);
        Assert.True(text.WritesSpecialTokens);
        Assert.Equal(
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nOne?<|im_end|>\n<|im_start|>assistant\n1.<|im_end|>\n<|im_start|>user\nTwo?<|im_end|>\n<|im_start|>assistant\n",
            text.Text);
    }

    [Fact]
    public void A_template_of_one_question_is_given_the_last_one()
    {
        using var folder = new TemporaryFolder();
        folder.Write("qa.yaml", "prompt: |\n  Q: {{ instruction }}\n  A:\ncompletion: \"{{ output }}\"\nstop: [\"Q:\"]\n");
        PromptTemplate template = PromptTemplates.Find("qa.yaml", folder.Path, Tokenizer);
        RenderedText text = PromptFormats.Of(template)(Turns);
        Assert.True(template.IsSingleTurn);
        Assert.StartsWith("Q: Two?", text.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("One?", text.Text, StringComparison.Ordinal);
        Assert.False(text.WritesSpecialTokens);
    }

    [Fact]
    public void Answers_end_at_the_tokenizers_end_tokens_and_the_templates_stop_texts()
    {
        using var folder = new TemporaryFolder();
        folder.Write("qa.yaml", "prompt: \"{{ instruction }}\"\ncompletion: \"{{ output }}\"\nstop: [\"Q:\"]\n");
        GenerationOptions options = PromptFormats.Options(PromptTemplates.Find("qa.yaml", folder.Path, Tokenizer), Tokenizer, SamplingSettings.Greedy);
        Assert.Equal(["Q:"], options.StopStrings);
        Assert.Contains(Tokenizer.TokenToId("<|im_end|>")!.Value, options.StopIds);
    }
}
