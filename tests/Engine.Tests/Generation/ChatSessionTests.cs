using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Generation;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Tests.Generation;

public class ChatSessionTests
{
    private static readonly Tokenizer Tokenizer = ScriptedSource.Tokenizer;
    private static readonly int EndId = Tokenizer.TokenToId("<|im_end|>")!.Value;

    [Fact]
    public void An_answer_sees_the_system_prompt_and_every_turn_before_it()
    {
        var source = new ScriptedSource(512, "Hello.<|im_end|>", "Fine.<|im_end|>");
        ChatSession session = Session(source);
        session.SystemPrompt = "Be brief.";
        Assert.Equal("Hello.", session.Ask("Hi").Text);
        Assert.Equal("Fine.", session.Ask("How are you?").Text);
        string seen = Tokenizer.Decode(source.Seen[^3].AsSpan(), skipSpecialTokens: false);
        Assert.Equal("system: Be brief.\nuser: Hi\nassistant: Hello.\nuser: How are you?\nassistant:", seen);
    }

    [Fact]
    public void Reset_forgets_the_turns_and_keeps_the_system_prompt()
    {
        var source = new ScriptedSource(512, "Hello.<|im_end|>", "Fine.<|im_end|>");
        ChatSession session = Session(source);
        session.SystemPrompt = "Be brief.";
        session.Ask("Hi");
        session.Reset();
        session.Ask("Again");
        Assert.Equal("system: Be brief.\nuser: Again\nassistant:", Tokenizer.Decode(source.Seen[^3].AsSpan(), skipSpecialTokens: false));
    }

    [Fact]
    public void A_full_context_drops_the_oldest_question_with_its_answer_and_says_so()
    {
        var source = new ScriptedSource(48, "ok<|im_end|>", "ok<|im_end|>", "ok<|im_end|>");
        ChatSession session = Session(source);
        session.SystemPrompt = "sys";
        int dropped = 0;
        session.Ask("one one one one one", onDropped: count => dropped += count);
        session.Ask("two two two two two", onDropped: count => dropped += count);
        Assert.Equal(0, dropped);
        session.Ask("three three three three three", onDropped: count => dropped += count);
        Assert.Equal(2, dropped);
        string seen = Tokenizer.Decode(source.Seen[^2].AsSpan(), skipSpecialTokens: false);
        Assert.StartsWith("system: sys\nuser: two", seen, StringComparison.Ordinal);
        Assert.Equal(4, session.Turns.Count);
    }

    [Fact]
    public void A_message_that_alone_is_too_long_is_FT1006_and_is_forgotten()
    {
        ChatSession session = Session(new ScriptedSource(24, "ok<|im_end|>"));
        Assert.Equal(Codes.PromptTooLong, Assert.Throws<FineTuneException>(() => session.Ask(string.Concat(Enumerable.Repeat("word ", 40)))).Diagnostic.Code);
        Assert.Empty(session.Turns);
        Assert.Equal("ok", session.Ask("short").Text);
    }

    [Fact]
    public void A_stopped_answer_leaves_the_conversation_as_it_was()
    {
        ChatSession session = Session(new ScriptedSource(512, "one two three four<|im_end|>"));
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => session.Ask("Hi", _ => stop.Cancel(), cancellation: stop.Token));
        Assert.Empty(session.Turns);
    }

    [Fact]
    public void Every_answer_has_random_numbers_of_its_own_and_a_session_repeats()
    {
        string[] Talk()
        {
            var flat = new FlatSource();
            var session = new ChatSession(new Generator(flat, Tokenizer), Format, new GenerationOptions(new SamplingSettings { MaxNewTokens = 8 }));
            string[] answers = [session.Ask("Hi").Text, session.Ask("Hi").Text];
            session.Reset();
            return [.. answers, session.Ask("Hi").Text];
        }

        string[] first = Talk();
        Assert.Equal(first, Talk());
        Assert.NotEqual(first[0], first[1]);
        Assert.Equal(first[0], first[2]);
    }

    private static ChatSession Session(ILogitsSource source) =>
        new(new Generator(source, Tokenizer), Format, new GenerationOptions(SamplingSettings.Greedy with { MaxNewTokens = 16 }) { StopIds = new HashSet<int> { EndId } });

    private static RenderedText Format(IReadOnlyList<ChatTurn> turns) => new(string.Concat(turns.Select(turn => $"{turn.Role}: {turn.Content}\n")) + "assistant:", []);

    /// <summary>Finds every token equally likely.</summary>
    private sealed class FlatSource : ILogitsSource
    {
        public int VocabSize => Tokenizer.VocabularySize;

        public int MaxLength => 512;

        public void Next(ReadOnlySpan<int> sequence, Span<float> logits, CancellationToken cancellation) => logits.Clear();

        public void Forget()
        {
        }
    }
}
