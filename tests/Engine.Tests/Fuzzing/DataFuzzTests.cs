using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.TestKit;
using YamlDotNet.Core;

namespace FineTuneTool.Engine.Tests.Fuzzing;

/// <summary>Damaged data files end in rows or in a diagnostic. Parquet files are damaged where their reader is tested.</summary>
public class DataFuzzTests
{
    private static byte[][] Seeds(params string[] patterns) =>
    [
        .. patterns.SelectMany(pattern => Directory.GetFiles(Path.Combine(Paths.Goldens, "datasets"), pattern)).Where(path => !path.EndsWith("expected.json", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).Select(File.ReadAllBytes),
    ];

    /// <summary>Rows, and what is made of them before they are rendered.</summary>
    private static void ReadExamples(string path)
    {
        foreach (Example example in ExampleReader.Read(new DataSource(path, null, null, new Dictionary<string, string>(), 0, default)))
        {
            Assert.Equal(32, ExampleContent.Hash(example).Length);
            Assert.True(ExampleContent.Characters(example) >= 0);
        }
    }

    [Theory]
    [InlineData("rows.jsonl", "*.jsonl")]
    [InlineData("rows.json", "*.json")]
    [InlineData("rows.csv", "*.csv")]
    [InlineData("rows.tsv", "*.?sv")]
    public void Damaged_text_files_of_rows_are_read_or_refused(string name, string seeds) => new FuzzRun(Seeds(seeds)) { IsText = true }.Files(name, ReadExamples);

    [Fact]
    public void Damaged_texts_are_read_or_refused() =>
        new FuzzRun("# A text\n\nwith lines.\r\n한글 😀\n"u8.ToArray(), [0xEF, 0xBB, 0xBF, .. "text"u8]) { IsText = true }.Files("text.md", ReadExamples);

    /// <summary>Nodes of YAML take more than their text.</summary>
    [Fact]
    public void Damaged_cards_of_data_sets_are_read_or_refused()
    {
        byte[][] seeds =
        [
            "---\nlicense: mit\nconfigs:\n- config_name: en\n  data_files:\n  - split: train\n    path: [data/*.jsonl, \"x/**\"]\n  - split: test\n    path: t.csv\n- config_name: ko\n  default: true\n  data_dir: k\n---\n# Text\n"u8.ToArray(),
            "---\r\nconfigs:\r\n- data_files: '**/[ab]?.parquet'\r\n- {config_name: b, data_files: {train: a, test: [b, c]}}\r\n---\r\n"u8.ToArray(),
        ];
        string[] files = ["data/a.jsonl", "data/train.jsonl", "x/y/b1.parquet", "t.csv"];
        new FuzzRun(seeds) { IsText = true, Times = 100, IsRefusal = exception => exception is YamlException }.Files("README.md", path =>
        {
            foreach (HubConfig config in HubCard.Read(Path.GetDirectoryName(path)!))
            {
                Assert.All(config.Patterns ?? [], split => Assert.All(split.Patterns, pattern => Assert.InRange(SplitPatterns.Matching(files, pattern).Count(), 0, files.Length)));
            }
        });
    }

    [Fact]
    public void Damaged_tokenised_data_sets_are_read_or_refused()
    {
        using var folder = new TemporaryFolder();
        foreach ((string name, int rows) in new[] { ("few", 3), ("many", 40) })
        {
            using var writer = new TokenizedDatasetWriter(folder[name]);
            foreach (int row in Enumerable.Range(0, rows))
            {
                int[] ids = [.. Enumerable.Range(row, 2 + (row % 7))];
                writer.Add(new TokenizedExample(ids, [.. ids.Select(id => id % 3 == 0 ? TokenizedExample.Ignored : id)]));
            }

            writer.Complete();
        }

        new FuzzRun(File.ReadAllBytes(folder["few"]), File.ReadAllBytes(folder["many"])).Files("rows.tokens", path =>
        {
            using TokenizedDataset rows = TokenizedDataset.Open(path);
            for (int i = 0; i < rows.Count; i++)
            {
                Assert.Equal(rows.Length(i), rows[i].Ids.Length);
            }
        });
    }
}
