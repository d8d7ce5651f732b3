using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Data;

public sealed class ExampleReaderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private List<Example> Read(string rows, params (string Name, string Value)[] metadata) =>
        [.. ExampleReader.Read(Source(rows, metadata))];

    private DataSource Source(string rows, params (string Name, string Value)[] metadata) => DataSource.From(new ProjectItem(
        "TrainingData", "rows.jsonl", _folder.Write("rows.jsonl", rows), metadata.ToDictionary(pair => pair.Name, pair => pair.Value), "p.finetune", 9, 5));

    private Diagnostic Refused(string rows, params (string Name, string Value)[] metadata) =>
        Assert.Throws<FineTuneException>(() => Read(rows, metadata)).Diagnostic;

    [Fact]
    public void A_row_with_input_and_output_alone_is_an_instruction()
    {
        var example = Assert.IsType<ColumnsExample>(Assert.Single(Read("""{"input": "뜻?", "output": "답"}""")));
        Assert.Equal(("뜻?", "", "답"), (example.Text("instruction"), example.Text("input"), example.Text("output")));
    }

    [Theory]
    [InlineData("""{"messages": [{"role": "user", "content": "a"}]}""", "user")]
    [InlineData("""{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}""", "user assistant")]
    [InlineData("""{"system": "s", "conversations": [{"from": "human", "value": "a"}]}""", "system user")]
    [InlineData("""{"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}]}""", "user assistant")]
    public void Conversations_of_every_kind_become_messages(string row, string roles)
    {
        var chat = Assert.IsType<ChatExample>(Assert.Single(Read(row)));
        Assert.Equal(roles, string.Join(' ', chat.Messages.Select(message => (string)message!["role"]!)));
    }

    [Fact]
    public void Tokens_lose_their_padding()
    {
        var tokens = Assert.IsType<TokensExample>(Assert.Single(Read(
            """{"input_ids": [5, 6, 7, 0], "labels": [-100, 6, 7, -100], "attention_mask": [1, 1, 1, 0]}""")));
        Assert.Equal([5, 6, 7], tokens.Ids);
        Assert.Equal([-100, 6, 7], tokens.Labels);
    }

    [Theory]
    [InlineData("""{"input_ids": [5, 6], "labels": [7, 6]}""")]
    [InlineData("""{"input_ids": [5, -6]}""")]
    [InlineData("""{"input_ids": [5], "labels": [5, 6]}""")]
    [InlineData("""{"messages": "none"}""")]
    [InlineData("""{"messages": [{"content": "a"}]}""")]
    [InlineData("""{"messages": []}""")]
    [InlineData("""{"conversations": [{"from": "alien", "value": "a"}]}""")]
    [InlineData("""{"instruction": {"a": 1}, "output": "b"}""")]
    [InlineData("""{"messages": [{"role": "user"}], "tools": "not json"}""")]
    public void A_column_of_the_wrong_kind_is_named_with_its_line(string row)
    {
        Diagnostic refused = Refused(row);
        Assert.Equal(("FT0103", 1), (refused.Code.Id, refused.Position.Line));
    }

    [Fact]
    public void Unknown_columns_name_the_nearest_format_and_the_misspelt_column()
    {
        Diagnostic refused = Refused("""{"instruction": "a", "ouput": "b"}""");
        Assert.Equal("FT0103", refused.Code.Id);
        Assert.Contains("alpaca", refused.Message);
        Assert.Contains("ouput meant to be output", refused.Message);
    }

    [Fact]
    public void The_first_row_decides_and_a_later_row_that_differs_is_an_error()
    {
        Diagnostic refused = Refused("{\"text\": \"a\"}\n{\"instruction\": \"a\", \"output\": \"b\"}");
        Assert.Equal(("FT0103", 2), (refused.Code.Id, refused.Position.Line));
    }

    [Fact]
    public void Columns_are_renamed()
    {
        var example = Assert.IsType<ColumnsExample>(Assert.Single(Read("""{"q": "a", "a": "b", "id": 3}""", ("Columns", "instruction=q; output=a"))));
        Assert.Equal(("a", "b"), (example.Text("instruction"), example.Text("output")));
        Assert.Equal("FT0103", Refused("""{"q": "a"}""", ("Columns", "instruction=question")).Code.Id);
    }

    [Fact]
    public void A_limit_takes_the_first_rows() => Assert.Equal(2, Read("{\"text\": \"a\"}\n{\"text\": \"b\"}\n{\"text\": \"c\"}", ("Limit", "2")).Count);

    [Theory]
    [InlineData("Format", "alpacca")]
    [InlineData("Split", "dev")]
    [InlineData("Columns", "instruction")]
    [InlineData("Limit", "0")]
    [InlineData("Wieght", "2")]
    public void Wrong_metadata_is_an_error_at_the_item(string name, string value)
    {
        Diagnostic refused = Refused("{\"text\": \"a\"}", (name, value));
        Assert.Equal(("FT0001", new SourcePosition("p.finetune", 9, 5)), (refused.Code.Id, refused.Position));
    }

    [Fact]
    public void A_missing_file_is_an_error_at_the_item()
    {
        var item = new ProjectItem("TrainingData", "none.jsonl", _folder.File("none.jsonl"), new Dictionary<string, string>(), "p.finetune", 9, 5);
        Diagnostic refused = Assert.Throws<FineTuneException>(() => DataSource.From(item)).Diagnostic;
        Assert.Equal(("FT0101", 9), (refused.Code.Id, refused.Position.Line));
    }

    [Fact]
    public void A_row_that_is_not_to_be_learnt_weighs_nothing_and_one_with_a_weight_weighs_that()
    {
        List<Example> rows = Read("{\"text\": \"a\", \"train\": false}\n{\"text\": \"b\", \"weight\": 0.5}\n{\"text\": \"c\", \"weight\": \"2\"}\n{\"text\": \"d\", \"weight\": null}");
        Assert.Equal([0f, 0.5f, 2f, 1f], rows.Select(row => row.Weight));
    }

    [Theory]
    [InlineData("{\"text\": \"a\", \"weight\": -1}")]
    [InlineData("{\"text\": \"a\", \"weight\": \"much\"}")]
    [InlineData("{\"text\": \"a\", \"weight\": 1e99}")]
    [InlineData("{\"text\": \"a\", \"train\": 7}")]
    [InlineData("{\"messages\": [{\"role\": \"user\", \"content\": \"a\", \"weight\": [1]}]}")]
    [InlineData("{\"conversations\": [{\"from\": \"human\", \"value\": \"a\", \"weight\": -0.1}]}")]
    public void A_weight_that_is_none_is_FT0103(string row) =>
        Assert.Equal("FT0103", Assert.Throws<FineTuneException>(() => Read(row)).Diagnostic.Code.Id);
}
