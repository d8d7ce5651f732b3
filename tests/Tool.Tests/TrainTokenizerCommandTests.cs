using System.Text.Json;
using FineTuneTool.TestKit;

namespace FineTuneTool.Tool.Tests;

public sealed class TrainTokenizerCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Texts_and_rows_become_a_tokenizer_that_tokenize_and_render_take()
    {
        string text = _folder.Write("a.txt", "The owl saw the moon. The moon saw the owl.");
        string rows = _folder.Write("b.jsonl", """
            {"messages": [{"role": "user", "content": "owl owl"}]}
            {"anything": ["moon", {"deep": "moonlight moonlight"}], "id": 5}

            """);
        ToolRun run = ToolRun.InProcess("train-tokenizer", text, rows, "--vocab-size", "290", "--out", _folder["model"], "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        JsonElement answer = JsonDocument.Parse(run.Out).RootElement;
        Assert.Equal((277, 43 + 4 + 7 + 4 + 19), (answer.GetProperty("tokens").GetInt32(), answer.GetProperty("characters").GetInt32()));

        Assert.Contains("\"tokens\":[\"moon\",\"Ġmoon\"]", ToolRun.InProcess("tokenize", _folder["model"], "--text", "moon moon", "--json").Out, StringComparison.Ordinal);
        string messages = _folder.Write("messages.json", """[{"role": "user", "content": "Hi"}]""");
        Assert.Equal("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
            ToolRun.InProcess("render", _folder["model"], "--messages", messages, "--generation-prompt").Out.ReplaceLineEndings("\n").TrimEnd('\n') + "\n");
    }

    [Fact]
    public void The_same_files_give_the_same_bytes()
    {
        string text = _folder.Write("a.txt", string.Join(' ', Enumerable.Range(0, 500).Select(i => $"word{i % 37}ing")));
        foreach (string name in (string[])["one", "two"])
        {
            Assert.Equal(0, ToolRun.InProcess("train-tokenizer", text, "--vocab-size", "300", "--out", _folder[name], "--special", "<|tool|>").ExitCode);
        }

        foreach (string file in (string[])["tokenizer.json", "tokenizer_config.json"])
        {
            Assert.Equal(File.ReadAllBytes(_folder[$"one/{file}"]), File.ReadAllBytes(_folder[$"two/{file}"]));
        }
    }

    [Fact]
    public void Fewer_tokens_than_asked_for_are_said()
    {
        ToolRun run = ToolRun.InProcess("train-tokenizer", _folder.Write("a.txt", "aa aa"), "--vocab-size", "1000", "--out", _folder["model"]);
        Assert.Equal(0, run.ExitCode);
        Assert.StartsWith("Fewer than the 1000", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no.txt", "FT0101")]
    [InlineData("a.pdf", "FT0108")]
    [InlineData("empty.txt", "FT0006")]
    [InlineData("broken.jsonl", "FT0102")]
    public void Files_that_give_no_text_are_refused_with_their_code(string file, string code)
    {
        _folder.Write("a.pdf", "x");
        _folder.Write("empty.txt", "");
        _folder.Write("broken.jsonl", "{\"text\": \"a\"}\n{\"text\": ");
        ToolRun run = ToolRun.InProcess("train-tokenizer", _folder[file], "--out", _folder["model"]);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains($"error {code}", run.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["model"]));
    }

    [Fact]
    public void Without_a_folder_or_with_a_size_that_is_no_number_it_is_wrong_usage()
    {
        string text = _folder.Write("a.txt", "x");
        Assert.Equal(2, ToolRun.InProcess("train-tokenizer", text).ExitCode);
        Assert.Equal(2, ToolRun.InProcess("train-tokenizer", text, "--out", _folder["model"], "--vocab-size", "many").ExitCode);
    }

    [Fact]
    public void A_size_without_room_for_all_bytes_is_FT0001()
    {
        ToolRun run = ToolRun.InProcess("train-tokenizer", _folder.Write("a.txt", "x"), "--out", _folder["model"], "--vocab-size", "200");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("error FT0001", run.Error, StringComparison.Ordinal);
    }
}
