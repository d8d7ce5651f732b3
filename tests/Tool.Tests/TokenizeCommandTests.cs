using System.Text.Json;
using FineTuneTool.Tool.Commands;

namespace FineTuneTool.Tool.Tests;

public sealed class TokenizeCommandTests(ModelFixture fixture) : IClassFixture<ModelFixture>
{
    [Fact]
    public void Json_holds_ids_tokens_and_offsets_in_code_points()
    {
        JsonElement answer = Json(Tokenize("--text", "Hi 😀 한", "--json"));
        Assert.Equal("Hi", answer.GetProperty("tokens")[0].GetString());
        Assert.Equal("[0,2]", answer.GetProperty("offsets")[0].GetRawText());
        Assert.Equal(6, answer.GetProperty("offsets").EnumerateArray().Last()[1].GetInt32());
        Assert.Equal(answer.GetProperty("ids").GetArrayLength(), answer.GetProperty("offsets").GetArrayLength());
    }

    [Fact]
    public void A_process_reads_standard_input_and_answers_in_UTF_8()
    {
        ToolRun run = ToolProcess.Run("한국어 😀", "tokenize", fixture.Model, "--text", "-", "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        int[] ids = [.. Json(run).GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
        Assert.Equal("한국어 😀\n", ToolProcess.Run("", "tokenize", fixture.Model, "--decode", string.Join(',', ids)).Out.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void A_file_is_encoded_as_it_stands()
    {
        string file = fixture.Folder.Write("text.txt", "The old\n");
        Assert.Equal(Tokenize("--text", "The old\n").Out, Tokenize("--file", file).Out);
        Assert.EndsWith("3 tokens" + Environment.NewLine, Tokenize("--file", file).Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Special_tokens_can_be_left_out_of_the_text()
    {
        Assert.Equal("<|im_start|>The" + Environment.NewLine, Tokenize("--decode", "1,504").Out);
        Assert.Equal("The" + Environment.NewLine, Tokenize("--decode", "1,504", "--no-special").Out);
    }

    [Fact]
    public void Request_lines_are_answered_in_order()
    {
        string requests = fixture.Folder.Write("tokenize.jsonl", "{\"text\": \"The old\"}\n\n{\"decode\": [1, 504], \"no_special\": true}\n");
        string[] lines = Tokenize("--jsonl", requests).Out.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.Equal([Tokenize("--text", "The old", "--json").Out.Trim(), "{\"text\":\"The\"}"], lines);
    }

    [Fact]
    public void A_request_without_text_is_FT0102_at_its_line()
    {
        string requests = fixture.Folder.Write("bad.jsonl", "{\"text\": \"a\"}\n{\"no_special\": true}\n");
        ToolRun run = Tokenize("--jsonl", requests);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("bad.jsonl(2): error FT0102", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_is_not_there_is_FT0004()
    {
        ToolRun run = ToolRun.InProcess("tokenize", "no/such-model", "--text", "a");
        Assert.Equal((1, ""), (run.ExitCode, run.Out));
        Assert.Contains("FT0004", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_and_file_together_are_wrong_usage() => Assert.Equal(2, Tokenize("--text", "a", "--file", "b").ExitCode);

    [Fact]
    public void Standard_input_may_hold_the_requests()
    {
        ToolRun run = ToolRun.InProcess(CommandList.All, "{\"text\": \"The old\"}\n", "tokenize", fixture.Model, "--jsonl", "-");
        Assert.Equal(Tokenize("--text", "The old", "--json").Out, run.Out);
    }

    private static JsonElement Json(ToolRun run) => JsonDocument.Parse(run.Out).RootElement;

    private ToolRun Tokenize(params string[] options) => ToolRun.InProcess(["tokenize", fixture.Model, .. options]);
}
