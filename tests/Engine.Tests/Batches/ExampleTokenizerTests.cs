using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Tests.Batches;

public sealed class ExampleTokenizerTests : IDisposable
{
    private const int Bos = 0, Eos = 1, A = 2, B = 3;
    private static readonly SourcePosition Row = new("train.jsonl", 7);
    private readonly string _folder = Directory.CreateTempSubdirectory("tokenizer").FullName;
    private readonly Tokenizer _letters;

    /// <summary>A vocabulary of single letters whose tokenizer puts &lt;s&gt; in front of a text and &lt;/s&gt; behind.</summary>
    public ExampleTokenizerTests()
    {
        File.WriteAllText(Path.Combine(_folder, "tokenizer.json"), """
            {"version": "1.0", "normalizer": null, "pre_tokenizer": null, "decoder": null,
             "added_tokens": [
               {"id": 0, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
               {"id": 1, "content": "</s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
             "post_processor": {"type": "TemplateProcessing",
               "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
               "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
               "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}, "</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}},
             "model": {"type": "BPE", "vocab": {"<s>": 0, "</s>": 1, "a": 2, "b": 3, "ab": 4}, "merges": ["a b"]}}
            """);
        File.WriteAllText(Path.Combine(_folder, "tokenizer_config.json"), """{"bos_token": "<s>", "eos_token": "</s>"}""");
        _letters = TokenizerFiles.FromFolder(_folder);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("aa")]
    [InlineData("<s>aa")]
    [InlineData("aa</s>")]
    [InlineData("<s>aa</s>")]
    public void A_text_has_one_beginning_and_one_end_whoever_writes_them(string text)
    {
        TokenizedExample example = Tokenize(new TextExample(text, Row)).Examples.Single();
        Assert.Equal([Bos, A, A, Eos], example.Ids);
        Assert.Equal(example.Ids, example.Labels);
    }

    [Fact]
    public void A_chat_template_writes_its_special_tokens_alone()
    {
        Assert.Equal([Bos, A, A, Eos], Encode(new RenderedText("<s>aa</s>", []) { WritesSpecialTokens = true }).Ids);
        Assert.Equal([A, A], Encode(new RenderedText("aa", []) { WritesSpecialTokens = true }).Ids);
        Assert.Equal([Bos, A], Encode(new RenderedText("<s><s>a", []) { WritesSpecialTokens = true }).Ids);
    }

    [Fact]
    public void What_the_prompt_and_its_completion_share_as_tokens_is_not_learnt()
    {
        TokenizedExample apart = Encode(new RenderedText("bb" + "a", [new TextSpan(0, 3)]) { Prompt = "bb" });
        Assert.Equal([Bos, B, B, A, Eos], apart.Ids);
        Assert.Equal([-100, -100, -100, A, Eos], apart.Labels);
        // "a" + "b" is one token, so the learnt part begins before the completion.
        TokenizedExample merged = Encode(new RenderedText("ba" + "b", [new TextSpan(0, 3)]) { Prompt = "ba" });
        Assert.Equal([-100, -100, 4, Eos], merged.Labels);
    }

    [Theory]
    [InlineData(ExcessLengthStrategy.Truncate, RowOutcome.Truncated, new[] { 4 })]
    [InlineData(ExcessLengthStrategy.Drop, RowOutcome.TooLong, new int[0])]
    [InlineData(ExcessLengthStrategy.Split, RowOutcome.Split, new[] { 4, 4, 2 })]
    public void A_row_that_is_too_long_becomes_what_the_strategy_says(ExcessLengthStrategy strategy, RowOutcome outcome, int[] lengths)
    {
        TokenizedRow row = Tokenize(new TextExample("aaaaaaaa", Row), maxSeqLength: 4, strategy);
        Assert.Equal((outcome, Row), (row.Outcome, row.Position));
        Assert.Equal(lengths, row.Examples.Select(example => example.Ids.Length));
        Assert.Equal(new[] { Bos, A, A, A, A, A, A, A, A, Eos }.Take(lengths.Sum()), row.Examples.SelectMany(example => example.Ids));
    }

    [Fact]
    public void Pieces_of_a_text_file_repeat_the_end_of_the_piece_before_and_learn_each_token_once()
    {
        var settings = new PreprocessSettings { MaxSeqLength = 4, ChunkOverlap = 2 };
        TokenizedRow row = new ExampleTokenizer(_letters, Template, settings).Tokenize(new TextExample("aaaaa", Row) { IsDocument = true });
        Assert.Equal(RowOutcome.Split, row.Outcome);
        Assert.Equal(new[] { [Bos, A, A, A], [A, A, A, A], new[] { A, A, Eos } }, row.Examples.Select(example => example.Ids));
        Assert.Equal(new[] { [Bos, A, A, A], [-100, -100, A, A], new[] { -100, -100, Eos } }, row.Examples.Select(example => example.Labels));
    }

    [Fact]
    public void Truncating_says_when_it_takes_something_away_that_was_to_be_learnt()
    {
        Assert.True(Tokenize(new TextExample("aaaaaaaa", Row), maxSeqLength: 4).LostAnswer);
        Assert.False(Tokenize(new TokensExample([A, A, A, B, B], [-100, A, A, -100, -100], Row), maxSeqLength: 3).LostAnswer);
    }

    [Fact]
    public void A_token_across_the_end_of_the_prompt_is_noticed()
    {
        var template = new ColumnsExample(new System.Text.Json.Nodes.JsonObject { ["prompt"] = "ba", ["completion"] = "b" }, Row);
        Assert.True(Tokenize(template).CrossesBoundary);
        var apart = new ColumnsExample(new System.Text.Json.Nodes.JsonObject { ["prompt"] = "bb", ["completion"] = "a" }, Row);
        Assert.False(Tokenize(apart).CrossesBoundary);
    }

    [Fact]
    public void The_weight_of_a_row_is_that_of_its_learnt_tokens()
    {
        TokenizedRow row = Tokenize(new TokensExample([A, B, A], [-100, B, -100], Row) { Weight = 0.5f });
        Assert.Equal([0f, 0.5f, 0f], Assert.Single(row.Examples).Weights!);
        Assert.Null(Assert.Single(Tokenize(new TokensExample([A, B], [-100, B], Row)).Examples).Weights);
    }

    [Fact]
    public void With_strategy_error_a_row_that_is_too_long_is_FT0105()
    {
        Diagnostic diagnostic = Assert.Throws<FineTuneException>(() => Tokenize(new TextExample("aaaaaaaa", Row), 4, ExcessLengthStrategy.Error)).Diagnostic;
        Assert.Equal((Codes.RowTooLong, Row), (diagnostic.Code, diagnostic.Position));
        Assert.Contains("10 tokens", diagnostic.Message);
    }

    [Fact]
    public void A_row_without_anything_to_learn_is_left_out()
    {
        Assert.Equal(RowOutcome.NothingSupervised, Tokenize(new TokensExample([A, B], [A, -100], Row)).Outcome);
        Assert.Equal(RowOutcome.NothingSupervised, Tokenize(new TokensExample([A], [A], Row)).Outcome);
        Assert.Equal(RowOutcome.Kept, Tokenize(new TokensExample([A, B], [-100, B], Row)).Outcome);
        Assert.Equal(RowOutcome.NothingSupervised, Tokenize(new TokensExample([A, A, A, B], [-100, -100, -100, B], Row), maxSeqLength: 3).Outcome);
    }

    [Fact]
    public void An_id_outside_the_vocabulary_is_FT0109()
    {
        Diagnostic diagnostic = Assert.Throws<FineTuneException>(() => Tokenize(new TokensExample([A, 5], [A, 5], Row))).Diagnostic;
        Assert.Equal((Codes.IdOutsideVocabulary, Row), (diagnostic.Code, diagnostic.Position));
    }

    [Fact]
    public void TrainOnInputs_learns_the_prompt_too()
    {
        var settings = new PreprocessSettings { MaxSeqLength = 64, TrainOnInputs = true };
        TokenizedExample example = new ExampleTokenizer(_letters, Template, settings).Encode(new RenderedText("bba", [new TextSpan(0, 3)]) { Prompt = "bb" });
        Assert.Equal(example.Ids, example.Labels);
    }

    private PromptTemplate Template => PromptTemplates.Find("alpaca", "", _letters);

    private TokenizedExample Encode(RenderedText text) => new ExampleTokenizer(_letters, Template, new PreprocessSettings { MaxSeqLength = 64 }).Encode(text);

    private TokenizedRow Tokenize(Example example, int maxSeqLength = 64, ExcessLengthStrategy strategy = ExcessLengthStrategy.Truncate) =>
        new ExampleTokenizer(_letters, Template, new PreprocessSettings { MaxSeqLength = maxSeqLength, ExcessLengthStrategy = strategy }).Tokenize(example);
}
