using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats.Parquet;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tests.Formats;

namespace FineTuneTool.Engine.Tests.Data;

public class ParquetReaderTests
{
    private static string PathOf(string name) => GoldenFiles.PathOf("parquet", name);

    private static string[] Paths { get; } = [.. Directory.GetFiles(PathOf(""), "*.parquet").Order(StringComparer.Ordinal)];

    public static TheoryData<string> Files => [.. Paths.Select(path => Path.GetFileName(path))];

    public static TheoryData<string> Malformed => [.. Directory.GetFiles(PathOf("malformed"), "*.parquet").Order(StringComparer.Ordinal).Select(path => Path.GetFileName(path))];

    [Theory]
    [MemberData(nameof(Files))]
    public void A_file_gives_the_recorded_rows(string name)
    {
        JsonArray rows = JsonNode.Parse(File.ReadAllText(PathOf(Path.ChangeExtension(name, ".rows.json"))))!["rows"]!.AsArray();
        List<RawRow> read = [.. ParquetReader.Read(PathOf(name))];
        Assert.Equal(rows.Count, read.Count);
        for (int i = 0; i < rows.Count; i++)
        {
            Assert.Equal(i + 1, read[i].Line);
            Same(rows[i], read[i].Values, $"row {i + 1}");
        }
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public void A_malformed_file_is_refused(string name)
    {
        string path = PathOf(Path.Combine("malformed", name));
        Diagnostic refused = Assert.Throws<FineTuneException>(() => ParquetReader.Read(path).ToList()).Diagnostic;
        Assert.Equal(("FT0111", path), (refused.Code.Id, refused.Position.File));
    }

    [Fact]
    public void Row_groups_are_read_one_after_another()
    {
        using var file = new ParquetFile(PathOf("row_groups.parquet"));
        Assert.Equal([17, 17, 17, 17, 17, 15], file.RowGroups);
    }

    [Theory]
    [InlineData("alpaca.parquet", typeof(ColumnsExample))]
    [InlineData("sharegpt.parquet", typeof(ChatExample))]
    [InlineData("messages_smoltalk.parquet", typeof(ChatExample))]
    [InlineData("hub_metadata_classlabel.parquet", typeof(TextExample))]
    public void Rows_have_the_same_layouts_of_columns_as_json_lines(string name, Type kind)
    {
        var source = new DataSource(PathOf(name), null, null, new Dictionary<string, string>(), 2, default);
        List<Example> examples = [.. ExampleReader.Read(source)];
        Assert.Equal(2, examples.Count);
        Assert.All(examples, example => Assert.IsType(kind, example));
    }

    [Fact]
    public void Mutated_files_are_read_or_refused()
    {
        byte[][] seeds = [.. Paths.Where(path => !path.Contains("large_strings", StringComparison.Ordinal)).Select(File.ReadAllBytes)];
        Mutations.Run(seeds, 10_000, path => Assert.All(ParquetReader.Read(path), row => Assert.True(row.Line > 0)));
    }

    /// <summary>Floats bit for bit; what JSON has no value for as the text under its kind.</summary>
    private static void Same(JsonNode? expected, JsonNode? own, string place)
    {
        switch (expected)
        {
            case JsonObject { Count: 1 } kind when kind.First() is { Key: "hex" or "float" or "iso" or "decimal", Value: JsonValue text }:
                Assert.Equal((place, text.GetValue<string>()), (place, own?.GetValue<string>()));
                break;
            case JsonObject values:
                Assert.Equal(values.Select(value => value.Key), Assert.IsType<JsonObject>(own).Select(value => value.Key));
                foreach ((string name, JsonNode? value) in values)
                {
                    Same(value, own![name], $"{place} {name}");
                }

                break;
            case JsonArray entries:
                Assert.Equal((place, entries.Count), (place, Assert.IsType<JsonArray>(own).Count));
                for (int i = 0; i < entries.Count; i++)
                {
                    Same(entries[i], own![i], $"{place}[{i}]");
                }

                break;
            case JsonValue number when number.GetValueKind() == JsonValueKind.Number && number.ToJsonString().AsSpan().ContainsAny('.', 'e', 'E'):
                Assert.Equal((place, BitConverter.DoubleToInt64Bits(number.GetValue<double>())), (place, BitConverter.DoubleToInt64Bits(own!.GetValue<double>())));
                break;
            default:
                Assert.Equal((place, expected?.ToJsonString()), (place, own?.ToJsonString()));
                break;
        }
    }
}
