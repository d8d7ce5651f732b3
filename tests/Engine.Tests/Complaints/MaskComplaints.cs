using System.Text;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Exports;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tests.Prompts;
using FineTuneTool.Engine.Tests.Tokenizers;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Complaints;

/// <summary>Wrong masks, end tokens and templates, as users of such tools complain about them.</summary>
public sealed class MaskComplaints : IDisposable
{
    private const int Bos = 95, Eos = 96, TurnEnd = 97;

    private static readonly SourcePosition Row = new("train.jsonl", 7);

    /// <summary>Letters, with &lt;s&gt; put before texts, &lt;/s&gt; for their end and for padding, and ChatML's end of a turn, which the base never used.</summary>
    private static readonly Tokenizer Letters = MakeTokenizer();

    private readonly TemporaryFolder _folder = new();
    private readonly RecordingEvents _events = new();

    public void Dispose() => _folder.Dispose();

    private static Tokenizer MakeTokenizer()
    {
        JsonObject json = SmallTokenizers.ByteLevel();
        json["added_tokens"] = new JsonArray(SmallTokenizers.Added(Bos, "<s>"), SmallTokenizers.Added(Eos, "</s>"), SmallTokenizers.Added(TurnEnd, "<|im_end|>"));
        json["post_processor"] = JsonNode.Parse("""
            {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
             "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
             "special_tokens": {"<s>": {"id": "<s>", "ids": [95], "tokens": ["<s>"]}}}
            """);
        return TokenizerJson.Read(Encoding.UTF8.GetBytes(json.ToJsonString()), "tokenizer.json", new TokenizerDeclarations("<s>", "</s>", null, "</s>"));
    }

    private PromptTemplate Find(string setting) => PromptTemplates.Find(setting, _folder.Path, Letters);

    private static TokenizedRow Tokenize(PromptTemplate template, Example example, int maxSeqLength = 512) =>
        new ExampleTokenizer(Letters, template, new PreprocessSettings { MaxSeqLength = maxSeqLength }).Tokenize(example);

    private static ChatExample Chat(params string[] turns) => PromptTemplateTests.Chat(turns);

    private static string Learnt(TokenizedExample example) => Letters.Decode([.. example.Labels.Where(label => label != TokenizedExample.Ignored)], skipSpecialTokens: false);

    private PreprocessStatistics Prepare(string template, int maxSeqLength, params string[] rows)
    {
        var source = new DataSource(_folder.Write("train.jsonl", string.Join('\n', rows)), null, null, new Dictionary<string, string>(), 0, new SourcePosition("p.finetune", 3));
        return new PreprocessPipeline(new PreprocessSettings { MaxSeqLength = maxSeqLength }, Letters, Find(template), _events).Run([source], _folder["out"]).Statistics;
    }

    private static string ChatRow(string question, string answer) =>
        $$"""{"messages": [{"role": "user", "content": "{{question}}"}, {"role": "assistant", "content": "{{answer}}"}]}""";

    /// <summary>Padding that equals the end token was masked, and the end with it.</summary>
    [Theory]
    [InlineData("zephyr")]
    [InlineData("llama2")]
    [InlineData("alpaca")]
    public void The_model_learns_to_stop_although_pad_and_end_token_are_the_same(string template)
    {
        Assert.Equal(Letters.Special.EosToken, Letters.Special.PadToken);
        TokenizedExample row = Assert.Single(Tokenize(Find(template), Chat("user:Q", "assistant:A")).Examples);
        Assert.Equal(Eos, row.Labels.Last(label => label != TokenizedExample.Ignored));
    }

    /// <summary>A base tuned on ChatML kept its old end token, so that serving never stopped.</summary>
    [Fact]
    public void A_model_tuned_on_ChatML_is_served_with_the_end_of_its_turns() =>
        Assert.Equal([Eos, TurnEnd], AnswerFormat.Of(Find("chatml"), Letters, _events).EndIds);

    /// <summary>Setting the largest length alone flipped the label of the end token.</summary>
    [Theory]
    [InlineData("zephyr")]
    [InlineData("alpaca")]
    public void Shortening_MaxSeqLength_does_not_mask_the_end_token(string template)
    {
        TokenizedExample free = Assert.Single(Tokenize(Find(template), Chat("user:Q", "assistant:A")).Examples);
        TokenizedExample exact = Assert.Single(Tokenize(Find(template), Chat("user:Q", "assistant:A"), free.Ids.Length).Examples);
        Assert.Equal(free.Labels, exact.Labels);
        Assert.Contains(Eos, exact.Labels);
    }

    /// <summary>Cut rows without a trainable token trained at loss 0 or NaN, silently.</summary>
    [Fact]
    public void A_row_cut_before_its_answer_is_left_out_and_named()
    {
        PreprocessStatistics statistics = Prepare("zephyr", 64, ChatRow("Q", "A"), ChatRow(new string('q', 100), "A"));
        Assert.Equal((1, 1), (statistics.Train.Rows, statistics.Dropped["nothing to learn"]));
        Diagnostic warning = Assert.Single(_events.Diagnostics, diagnostic => diagnostic.Code == Codes.NothingSupervised);
        Assert.Equal(("FT0104", Severity.Warning, 2), (warning.Code.Id, warning.Severity, warning.Position.Line));
        Assert.Contains("MaxSeqLength (64)", warning.Remedy);
    }

    /// <summary>Templates and tokenizers that both leave the first token to the other.</summary>
    [Theory]
    [InlineData("zephyr", true)]
    [InlineData("llama3", false)]
    public void A_template_that_leaves_out_the_token_that_begins_texts_is_told(string template, bool isTold)
    {
        Prepare(template, 512, ChatRow("Q", "A"));
        Assert.Equal(isTold, _events.Diagnostics.Any(diagnostic => diagnostic.Code == Codes.TemplateDoesNotFit && diagnostic.Message.StartsWith("No row begins with <s>", StringComparison.Ordinal)));
    }

    /// <summary>"All labels are -100": marker strings did not match the template.</summary>
    [Fact]
    public void Answers_are_found_in_a_template_that_nobody_wrote_markers_for()
    {
        _folder.Write("odd.jinja", "{% for m in messages %}~{{ m.role | upper }}~ {{ m.content | trim }}</s>\n{% endfor %}{% if add_generation_prompt %}~ASSISTANT~ {% endif %}");
        TokenizedExample row = Assert.Single(Tokenize(Find("odd.jinja"), Chat("user:A B", "assistant:B", "user:B", "assistant:A B")).Examples);
        Assert.Equal("B</s>A B</s>", Learnt(row));
    }

    /// <summary>And the user could not see why.</summary>
    [Fact]
    public void A_template_that_marks_nothing_is_an_error_that_names_it()
    {
        _folder.Write("mute.jinja", "{% for m in messages %}{{ m.content }}{% if m.role == 'model' %}{% generation %}{{ m.content }}{% endgeneration %}{% endif %}{% endfor %}");
        Diagnostic refused = Assert.Throws<FineTuneException>(() => Prepare("mute.jinja", 64, ChatRow("Q", "A"))).Diagnostic;
        Assert.Equal("FT0104", refused.Code.Id);
        Assert.Contains("mute.jinja marks nothing", refused.Remedy);
    }

    /// <summary>The mask of the prompt ran past the end of the row, since the generation prompt was no prefix: 0 divided by 0.</summary>
    [Fact]
    public void A_generation_prompt_that_is_no_beginning_of_the_row_is_refused()
    {
        _folder.Write("other.jinja", "{% for m in messages %}{{ m.role }}: {{ m.content }}</s>{% endfor %}{% if add_generation_prompt %}assistant, thinking: {% endif %}");
        Diagnostic refused = Assert.Throws<FineTuneException>(() => Tokenize(Find("other.jinja"), Chat("user:Q", "assistant:A"))).Diagnostic;
        Assert.Equal(("FT0253", Row), (refused.Code.Id, refused.Position));
    }

    /// <summary>Template and tokenizer each put one in front.</summary>
    [Theory]
    [InlineData("llama3")]
    [InlineData("mistral")]
    [InlineData("alpaca")]
    [InlineData("written.yaml")]
    public void The_beginning_of_text_token_stands_once(string template)
    {
        _folder.Write("written.yaml", "prompt: \"{{ bos_token }}{{ instruction }}\"\ncompletion: \"{{ output }}\"\n");
        TokenizedExample row = Assert.Single(Tokenize(Find(template), Chat("user:Q", "assistant:A")).Examples);
        Assert.Equal((Bos, 1), (row.Ids[0], row.Ids.Count(id => id == Bos)));
    }

    /// <summary>Curing that took the only one from templates that write it.</summary>
    [Fact]
    public void A_chat_template_that_writes_no_beginning_gets_none() =>
        Assert.DoesNotContain(Bos, Assert.Single(Tokenize(Find("chatml"), Chat("user:Q", "assistant:A")).Examples).Ids);
}
