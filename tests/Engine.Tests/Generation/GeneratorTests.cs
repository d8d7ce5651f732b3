using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Generation;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Tests.Generation;

public class GeneratorTests
{
    private const string End = "<|im_end|>";
    private static readonly Tokenizer Tokenizer = ScriptedSource.Tokenizer;
    private static readonly int EndId = Tokenizer.TokenToId(End)!.Value;

    [Fact]
    public void An_end_token_ends_the_answer_and_is_in_the_ids_but_not_in_the_text()
    {
        GenerationResult result = Generate(Options(), "One two." + End + "never");
        Assert.Equal(("One two.", StopReasons.EndOfSequence, EndId), (result.Text, result.StopReason, result.Ids[^1]));
    }

    [Fact]
    public void Without_stop_ids_the_answer_goes_on_to_the_length()
    {
        var options = new GenerationOptions(SamplingSettings.Greedy with { MaxNewTokens = 3 }) { SkipSpecialTokens = false };
        GenerationResult result = Generate(options, End + End + End + End);
        Assert.Equal((3, End + End + End, StopReasons.Length), (result.Ids.Count, result.Text, result.StopReason));
    }

    [Fact]
    public void Special_tokens_are_left_out_of_the_text_where_that_is_asked_for()
    {
        var options = new GenerationOptions(SamplingSettings.Greedy with { MaxNewTokens = 3 });
        Assert.Equal("a", Generate(options, End + "a" + End).Text);
    }

    [Fact]
    public void A_stop_string_ends_the_text_before_it()
    {
        GenerationResult result = Generate(Options("### Q"), "Answer. ### Question");
        Assert.Equal(("Answer. ", StopReasons.StopString), (result.Text, result.StopReason));
    }

    [Fact]
    public void What_looked_like_a_stop_string_is_there_when_the_answer_ends()
    {
        GenerationResult result = Generate(Options("### Q"), "Answer. ###" + End);
        Assert.Equal(("Answer. ###", StopReasons.EndOfSequence), (result.Text, result.StopReason));
    }

    [Fact]
    public void Pieces_are_whole_characters_and_together_are_the_text()
    {
        List<string> pieces = [];
        GenerationResult result = Generate(Options(), "계약서의 🙂 조항" + End, pieces.Add);
        Assert.Equal("계약서의 🙂 조항", result.Text);
        Assert.Equal(result.Text, string.Concat(pieces));
        Assert.True(pieces.Count > 3);
        Assert.DoesNotContain(pieces, piece => piece.Contains('\uFFFD'));
    }

    [Fact]
    public void The_context_ends_the_answer_where_it_is_full()
    {
        var source = new ScriptedSource(6, "a b c d e f g h");
        GenerationResult result = new Generator(source, Tokenizer).Generate([1, 2, 3], Options());
        Assert.Equal((3, StopReasons.Length), (result.Ids.Count, result.StopReason));
    }

    [Fact]
    public void A_prompt_without_room_for_an_answer_is_FT1006()
    {
        var generator = new Generator(new ScriptedSource(3, "a"), Tokenizer);
        Assert.Equal(Codes.PromptTooLong, Assert.Throws<FineTuneException>(() => generator.Generate([1, 2, 3], Options())).Diagnostic.Code);
        Assert.Single(generator.Generate([1, 2], Options()).Ids);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(49152)]
    public void An_id_outside_the_vocabulary_is_FT0001(int id)
    {
        var generator = new Generator(new ScriptedSource(9, "a"), Tokenizer);
        Assert.Equal(Codes.BadSetting, Assert.Throws<FineTuneException>(() => generator.Generate([1, id], Options())).Diagnostic.Code);
    }

    [Fact]
    public void An_empty_prompt_is_FT0001()
    {
        var generator = new Generator(new ScriptedSource(9, "a"), Tokenizer);
        Assert.Equal(Codes.BadSetting, Assert.Throws<FineTuneException>(() => generator.Generate([], Options())).Diagnostic.Code);
    }

    [Fact]
    public void A_wish_to_stop_ends_the_answer_between_two_tokens()
    {
        using var stop = new CancellationTokenSource();
        int pieces = 0;
        Assert.Throws<OperationCanceledException>(() => new Generator(new ScriptedSource(99, "one two three four five"), Tokenizer)
            .Generate([1], Options(), _ => { if (++pieces == 2) { stop.Cancel(); } }, stop.Token));
        Assert.Equal(2, pieces);
    }

    private static GenerationOptions Options(params string[] stop) => new(SamplingSettings.Greedy) { StopIds = new HashSet<int> { EndId }, StopStrings = stop };

    private static GenerationResult Generate(GenerationOptions options, string answer, Action<string>? onText = null) =>
        new Generator(new ScriptedSource(512, answer), Tokenizer).Generate([1], options, onText);
}
