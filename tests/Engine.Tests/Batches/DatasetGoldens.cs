using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Batches;

/// <summary>Cases of dataset_tokens.json: records and the rows that TRL's trainer made of them.</summary>
internal static class DatasetGoldens
{
    private static readonly Lazy<JsonObject[]> Cases = new(() =>
    {
        string text = File.ReadAllText(Path.Combine(Paths.Goldens, "text", "dataset_tokens.json"));
        return [.. JsonNode.Parse(text)!["cases"]!.AsArray().Select(node => node!.AsObject())];
    });

    public sealed record Row(int[] Ids, int[] Labels, int[]? SequenceLengths);

    public sealed record GoldenCase(JsonObject[] Records, JsonObject Config, string Template, Row[] Rows);

    public static GoldenCase Case(string name)
    {
        JsonObject found = Cases.Value.Single(item => (string?)item["name"] == name);
        Row[] rows = found["rows"] is not JsonArray array ? [] :
            [.. array.Select(row => new Row(Ints(row!["input_ids"])!, Ints(row["labels"])!, Ints(row["seq_lengths"])))];
        return new GoldenCase([.. found["records"]!.AsArray().Select(record => record!.AsObject())], found["config"]!.AsObject(), (string)found["template"]!, rows);
    }

    private static int[]? Ints(JsonNode? node) => node.Deserialize<int[]>();
}
