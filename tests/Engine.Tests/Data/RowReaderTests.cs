using System.Text.Json.Nodes;
using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Data;

public sealed class RowReaderTests : IDisposable
{
    private static readonly string Folder = Path.Combine(Paths.Goldens, "datasets");
    private static readonly JsonObject Expected = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "expected.json")))!["files"]!.AsObject();

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Files => [.. Expected.Select(file => file.Key)];

    private static List<RawRow> Read(string path) => [.. RowReaders.For(path, default).Read(path)];

    [Theory]
    [MemberData(nameof(Files))]
    public void A_file_gives_the_recorded_rows_or_a_diagnostic(string name)
    {
        string path = Path.Combine(Folder, name);
        if (Expected[name]!["rows"] is not JsonArray rows)
        {
            Diagnostic refused = Assert.Throws<FineTuneException>(() => Read(path)).Diagnostic;
            Assert.Equal("FT0102", refused.Code.Id);
            Assert.Equal(path, refused.Position.File);
            Assert.True(refused.Position.Line > 0);
            return;
        }

        List<RawRow> read = Read(path);
        Assert.Equal(rows.Count, read.Count);
        foreach ((JsonNode? row, RawRow own) in rows.Zip(read))
        {
            // The recorded rows name every column of the file; a column that a row lacks is null there.
            JsonObject filled = (JsonObject)own.Values.DeepClone();
            foreach ((string column, _) in row!.AsObject())
            {
                filled.TryAdd(column, null);
            }

            Assert.True(JsonNode.DeepEquals(row, filled), $"{own.Line}: {filled.ToJsonString()}");
        }
    }

    [Fact]
    public void A_malformed_line_is_named_with_line_and_column()
    {
        string path = _folder.Write("a.jsonl", "{\"text\": \"x\"}\n\n{\"text\": \"가\", oops}\n");
        SourcePosition place = Assert.Throws<FineTuneException>(() => Read(path)).Diagnostic.Position;
        Assert.Equal((path, 3, 15), (place.File, place.Line, place.Column));
    }

    [Fact]
    public void A_key_that_stands_twice_is_refused()
    {
        string path = _folder.Write("a.jsonl", "{\"text\": \"x\", \"text\": \"y\"}");
        Assert.Equal("FT0102", Assert.Throws<FineTuneException>(() => Read(path)).Diagnostic.Code.Id);
    }

    [Fact]
    public void Rows_of_an_array_know_their_lines()
    {
        string path = _folder.Write("a.json", "{ \"data\":\n[ {\"text\": \"x\"},\n\n{\"text\":\n \"y\"} ] }");
        Assert.Equal([2, 4], Read(path).Select(row => row.Line));
    }

    [Fact]
    public void A_line_longer_than_the_buffer_is_read_whole()
    {
        string text = new('x', 300_000);
        string path = _folder.Write("a.jsonl", $"{{\"text\": \"{text}\"}}\n{{\"text\": \"end\"}}");
        Assert.Equal([text, "end"], Read(path).Select(row => (string)row.Values["text"]!));
    }

    [Fact]
    public void An_unknown_type_is_refused_at_the_item()
    {
        var place = new SourcePosition("p.finetune", 9, 5);
        Diagnostic refused = Assert.Throws<FineTuneException>(() => RowReaders.For("rows.xlsx", place)).Diagnostic;
        Assert.Equal(("FT0108", place), (refused.Code.Id, refused.Position));
    }

    [Fact]
    public void Mutated_files_are_read_or_refused()
    {
        byte[][] seeds = [.. Directory.GetFiles(Folder, "*.json*").Where(path => !path.EndsWith("expected.json", StringComparison.Ordinal)).Select(File.ReadAllBytes)];
        var random = new Random(11);
        for (int i = 0; i < 2000; i++)
        {
            byte[] bytes = [.. seeds[random.Next(seeds.Length)]];
            for (int change = random.Next(1, 5); change > 0; change--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            string path = _folder.File(i % 2 == 0 ? "m.jsonl" : "m.json");
            File.WriteAllBytes(path, bytes.AsSpan(0, random.Next(1, bytes.Length)));
            try
            {
                var source = new DataSource(path, null, null, new Dictionary<string, string>(), 0, default);
                ExampleReader.Read(source).ToList().ForEach(example => ExampleContent.Hash(example));
            }
            catch (FineTuneException refused)
            {
                Assert.StartsWith("FT01", refused.Diagnostic.Code.Id);
            }
        }
    }
}
