using System.Text.Json;

namespace FineTuneTool.Tool.Tests;

public sealed class GenerateCommandTests(ModelFixture fixture) : IClassFixture<ModelFixture>
{
    [Fact]
    public void The_text_goes_to_standard_output_and_the_same_seed_says_the_same()
    {
        ToolRun first = Generate("--prompt", "The old", "--max-new-tokens", "6", "--temperature", "1", "--seed", "5");
        ToolRun second = Generate("--prompt", "The old", "--max-new-tokens", "6", "--temperature", "1", "--seed", "5");
        ToolRun other = Generate("--prompt", "The old", "--max-new-tokens", "6", "--temperature", "1", "--seed", "6");
        Assert.Equal((0, ""), (first.ExitCode, first.Error));
        Assert.Equal(first.Out, second.Out);
        Assert.NotEqual(first.Out, other.Out);
    }

    [Fact]
    public void Json_holds_ids_text_and_why_it_ended()
    {
        JsonElement answer = Json(Generate("--prompt", "The old", "--max-new-tokens", "4", "--temperature", "0", "--json"));
        Assert.Equal(["ids", "text", "stop_reason"], answer.EnumerateObject().Select(property => property.Name));
        Assert.Equal((4, "length"), (answer.GetProperty("ids").GetArrayLength(), answer.GetProperty("stop_reason").GetString()));
    }

    [Fact]
    public void Ids_a_file_and_standard_input_are_the_same_prompt()
    {
        string expected = Greedy("--prompt", "The old").Out;
        Assert.Equal(expected, Greedy("--ids", "504,1573").Out);
        Assert.Equal(expected, Greedy("--file", fixture.Folder.Write("prompt.txt", "The old")).Out);
        Assert.Equal(expected, ToolRun.InProcess(Commands.CommandList.All, "The old", "generate", fixture.Model, "--file", "-", "--temperature", "0", "--max-new-tokens", "4").Out);
    }

    [Fact]
    public void An_adapter_changes_the_answer()
    {
        Assert.NotEqual(Greedy("--prompt", "The old").Out, Greedy("--prompt", "The old", "--adapter", fixture.Adapter).Out);
    }

    [Fact]
    public void Threads_change_nothing()
    {
        Assert.Equal(Greedy("--prompt", "The old", "--threads", "1").Out, Greedy("--prompt", "The old", "--threads", "2").Out);
    }

    [Fact]
    public void Request_lines_are_answered_in_order_with_one_model()
    {
        string requests = fixture.Folder.Write("requests.jsonl", """
            {"prompt": "The old", "max_new_tokens": 4, "temperature": 0}
            {"ids": [504, 1573], "max-new-tokens": 2, "temperature": 0}

            {"messages": [{"role": "user", "content": "Hi"}], "max_new_tokens": 1, "temperature": 0}
            """);
        ToolRun run = Generate("--jsonl", requests);
        JsonElement[] answers = [.. run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal([4, 2, 1], answers.Select(answer => answer.GetProperty("ids").GetArrayLength()));
        Assert.Equal(Json(Greedy("--prompt", "The old", "--json")).GetProperty("text").GetString(), answers[0].GetProperty("text").GetString());
    }

    [Theory]
    [InlineData("{\"prompt\": 1}", "prompt must be a text")]
    [InlineData("{\"promt\": \"x\"}", "no option promt")]
    [InlineData("{\"prompt\": \"x\", \"max_new_tokens\": 1.5}", "whole number")]
    [InlineData("[1]", "no JSON object")]
    [InlineData("{\"prompt\": ", "not valid JSON")]
    [InlineData("{}", "needs prompt, ids or messages")]
    public void A_wrong_request_line_is_FT0102_at_its_line(string line, string message)
    {
        string requests = fixture.Folder.Write("wrong.jsonl", "\n" + line + "\n");
        ToolRun run = Generate("--jsonl", requests);
        Assert.Equal(1, run.ExitCode);
        Assert.StartsWith(requests + "(2", run.Error, StringComparison.Ordinal);
        Assert.Contains("error FT0102", run.Error, StringComparison.Ordinal);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData]
    [InlineData("--prompt", "a", "--ids", "1")]
    [InlineData("--prompt", "a", "--temperature", "hot")]
    [InlineData("--prompt", "a", "--compute", "int3")]
    [InlineData("--prompt", "a", "--threads", "-1")]
    public void Wrong_usage_exits_with_2(params string[] options)
    {
        Assert.Equal(2, Generate(options).ExitCode);
    }

    [Theory]
    [InlineData("FT0001", "--prompt", "a", "--temperature", "-1")]
    [InlineData("FT0001", "--prompt", "")]
    [InlineData("FT0001", "--ids", "1,x")]
    [InlineData("FT0001", "--ids", "49152")]
    [InlineData("FT0301", "--file", "/no/such/file")]
    [InlineData("FT0301", "--prompt", "a", "--adapter", "/no/such/folder")]
    public void What_a_person_can_put_right_is_a_diagnostic(string code, params string[] options)
    {
        ToolRun run = Generate(options);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains($"error {code}:", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_is_not_there_is_FT0004()
    {
        Assert.Contains("FT0004", ToolRun.InProcess("generate", "no/such-model", "--prompt", "a").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_prompt_longer_than_the_context_is_FT1006()
    {
        Assert.Contains("FT1006", Generate("--ids", string.Join(',', Enumerable.Repeat(5, 512))).Error, StringComparison.Ordinal);
    }

    private static JsonElement Json(ToolRun run) => JsonDocument.Parse(run.Out).RootElement;

    private ToolRun Generate(params string[] options) => ToolRun.InProcess(["generate", fixture.Model, .. options]);

    private ToolRun Greedy(params string[] options) => Generate([.. options, "--temperature", "0", "--max-new-tokens", "4"]);
}
