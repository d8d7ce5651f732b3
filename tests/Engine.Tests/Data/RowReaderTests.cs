using System.Text;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tests.Formats;
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
    public void Rows_of_a_csv_file_know_the_lines_in_which_they_begin()
    {
        string path = _folder.Write("a.csv", "a,b\r\n1,\"x\r\ny\"\r\n\r\n2,5\" disk\n\"3\",");
        List<RawRow> rows = Read(path);
        Assert.Equal([2, 5, 6], rows.Select(row => row.Line));
        Assert.Equal(["x\r\ny", "5\" disk", ""], rows.Select(row => (string)row.Values["b"]!));
    }

    [Theory]
    [InlineData("a,b\n1,2\n1\n", 3)]
    [InlineData("a,b\n1,2,3\n", 2)]
    [InlineData("a,a\n", 1)]
    [InlineData("a,b\n1,\"2\n3\n", 2)]
    [InlineData("a,b\n\n\"1\"x,2\n", 3)]
    public void A_malformed_csv_file_is_refused_at_its_line(string text, int line)
    {
        string path = _folder.Write("a.csv", text);
        Diagnostic refused = Assert.Throws<FineTuneException>(() => Read(path)).Diagnostic;
        Assert.Equal(("FT0110", path, line), (refused.Code.Id, refused.Position.File, refused.Position.Line));
    }

    [Theory]
    [InlineData("a.csv", "a\nx\n")]
    [InlineData("a.txt", "x\ny\n")]
    public void A_text_that_is_not_utf8_is_refused_at_its_line(string name, string before)
    {
        string path = _folder.File(name);
        File.WriteAllBytes(path, [.. Encoding.UTF8.GetBytes(before), 0xC3, 0x28]);
        Diagnostic refused = Assert.Throws<FineTuneException>(() => Read(path)).Diagnostic;
        Assert.Equal(("FT0110", 3), (refused.Code.Id, refused.Position.Line));
    }

    [Fact]
    public void A_csv_field_longer_than_the_buffer_is_read_whole()
    {
        string text = string.Concat(Enumerable.Repeat("한글,\n", 40_000));
        string path = _folder.Write("a.csv", $"text;n\n\"{text}\";1\n");
        Assert.Equal(text, (string)Assert.Single(Read(path)).Values["text"]!);
    }

    [Fact]
    public void A_text_file_is_one_row_without_its_mark()
    {
        string path = _folder.Write("a.md", "\uFEFF# Title\r\n\r\nBody\n");
        Assert.Equal("# Title\r\n\r\nBody\n", (string)Assert.Single(Read(path)).Values["text"]!);
    }

    [Fact]
    public void A_folder_gives_its_texts_in_the_order_of_their_paths_and_rows_before_texts()
    {
        foreach (string name in new[] { "b.txt", "a/z.md", "a.txt", ".hidden/x.txt", "photo.png" })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder.File("texts/" + name))!);
            File.WriteAllText(_folder.File("texts/" + name), name);
        }

        string folder = _folder.File("texts");
        var source = new DataSource(folder, null, null, new Dictionary<string, string>(), 0, default);
        Assert.Equal(["a.txt", "a/z.md", "b.txt"], ExampleReader.Read(source).Select(example => ((TextExample)example).Text));

        File.WriteAllText(Path.Combine(folder, "rows.csv"), "text\nfrom rows\n");
        Assert.Equal([Path.Combine(folder, "rows.csv")], RowReaders.Files(folder, default));
    }

    [Fact]
    public void A_folder_without_data_is_refused_at_the_item()
    {
        Directory.CreateDirectory(_folder.File("none"));
        Assert.Equal("FT0108", Assert.Throws<FineTuneException>(() => RowReaders.Files(_folder.File("none"), default)).Diagnostic.Code.Id);
    }

    [Theory]
    [InlineData("messages,tools\n\"[{\"\"role\"\": \"\"user\"\", \"\"content\"\": \"\"a\"\", \"\"name\"\": null}]\",\n", "ChatExample")]
    [InlineData("conversations\n\"[{\"\"from\"\": \"\"human\"\", \"\"value\"\": \"\"a\"\"}]\"\n", "ChatExample")]
    [InlineData("prompt,completion\nx,y\n", "ColumnsExample")]
    [InlineData("instruction,input,output\nx,,y\n", "ColumnsExample")]
    [InlineData("input_ids\n\"[1, 2]\"\n", "TokensExample")]
    public void Csv_rows_have_every_layout_of_columns(string text, string kind)
    {
        var source = new DataSource(_folder.Write("a.csv", text), null, null, new Dictionary<string, string>(), 0, default);
        Example example = Assert.Single(ExampleReader.Read(source));
        Assert.Equal(kind, example.GetType().Name);
        Assert.True(example is not ChatExample chat || (chat.Tools is null && !chat.Messages[0]!.AsObject().ContainsKey("name")));
    }

    [Fact]
    public void Mutated_csv_files_are_read_or_refused()
    {
        byte[][] seeds = [.. Directory.GetFiles(Folder, "*.?sv").Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
        Mutations.Run(seeds, 10_000, path => Assert.All(DelimitedReader.Read(path), row => Assert.NotEmpty(row.Values)));
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
