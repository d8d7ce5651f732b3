using System.Text.Json;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Tool.Tests;

public sealed class ScoreCommandTests(ModelFixture fixture) : IClassFixture<ModelFixture>
{
    [Fact]
    public void Json_holds_ids_likelihoods_mean_and_perplexity()
    {
        JsonElement score = Json(Score("--text", "The old lighthouse keeper", "--json"));
        double[] nll = [.. score.GetProperty("nll").EnumerateArray().Select(value => value.GetDouble())];
        Assert.Equal([504, 1573, 33059, 40061], score.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()));
        Assert.Equal(3, nll.Length);
        Assert.Equal(nll.Average(), score.GetProperty("mean").GetDouble(), 12);
        Assert.Equal(Math.Exp(nll.Average()), score.GetProperty("perplexity").GetDouble(), 6);
        Assert.False(score.TryGetProperty("top", out _));
    }

    [Fact]
    public void Top_lists_tokens_for_every_position()
    {
        JsonElement top = Json(Score("--ids", "504,1573", "--top", "3", "--json")).GetProperty("top");
        Assert.Equal([3, 3], top.EnumerateArray().Select(position => position.GetArrayLength()));
        JsonElement[] chances = [.. top[0].EnumerateArray()];
        Assert.True(chances[0].GetProperty("logprob").GetDouble() >= chances[1].GetProperty("logprob").GetDouble());
        Assert.NotNull(chances[0].GetProperty("token").GetString());
    }

    [Fact]
    public void Logits_are_written_beside_the_answer()
    {
        string path = fixture.Folder.File("logits.safetensors");
        ToolRun run = Score("--ids", "504,1573,7", "--logits", path);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("perplexity", run.Out, StringComparison.Ordinal);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal("(3, 49152)", file.Tensors.Find("logits")!.Shape.ToString());
    }

    [Fact]
    public void Request_lines_are_answered_in_order()
    {
        string requests = fixture.Folder.Write("score.jsonl", "{\"text\": \"The old\"}\n{\"ids\": [504], \"top\": 1}\n");
        string[] lines = Score("--jsonl", requests).Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.Equal(Json(Score("--text", "The old", "--json")).GetRawText(), lines[0]);
        Assert.Equal(JsonValueKind.Null, JsonDocument.Parse(lines[1]).RootElement.GetProperty("mean").ValueKind);
    }

    [Fact]
    public void An_adapter_changes_the_score()
    {
        Assert.NotEqual(Score("--text", "The old", "--json").Out, Score("--text", "The old", "--json", "--adapter", fixture.Adapter).Out);
    }

    private static JsonElement Json(ToolRun run) => JsonDocument.Parse(run.Out).RootElement;

    private ToolRun Score(params string[] options) => ToolRun.InProcess(["score", fixture.Model, .. options]);
}
