using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Stages;
using FineTuneTool.Engine.Tests.Stages;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Data;

/// <summary>Data sets of the Hub in a cache of the test's own.</summary>
public sealed class HubDatasetTests : IDisposable
{
    private const string Commit = "0123456789abcdef";

    private static readonly SourcePosition Place = new("p.finetune", 9, 5);

    private readonly TemporaryFolder _cache = new();
    private readonly string? _before = Environment.GetEnvironmentVariable("HF_HUB_CACHE");

    public HubDatasetTests() => Environment.SetEnvironmentVariable("HF_HUB_CACHE", _cache.Path);

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("HF_HUB_CACHE", _before);
        _cache.Dispose();
    }

    /// <summary>Writes files of the data set me/set, each with a row that names it.</summary>
    private void Put(params string[] files)
    {
        _cache.Write("datasets--me--set/refs/main", Commit + "\n");
        foreach (string file in files)
        {
            Write(file, $$"""{"text": "{{file}}"}""");
        }
    }

    private void Write(string file, string text) => _cache.Write($"datasets--me--set/snapshots/{Commit}/{file}", text);

    private static ProjectItem Item(string type, string include, params (string Name, string Value)[] metadata) =>
        new(type, include, null, metadata.ToDictionary(pair => pair.Name, pair => pair.Value), Place.File, Place.Line, Place.Column);

    /// <summary>Each part of an item as its name, the part of the project it goes to, and the files whose rows it gives.</summary>
    private static string[] Parts(ProjectItem item) =>
    [
        .. HubDataset.Parts(item).Select(DataSource.From).Select(source =>
            $"{source.Path[(source.Path.LastIndexOf(':') + 1)..]} {source.Split?.ToString() ?? "-"}: {string.Join(' ', ExampleReader.Read(source).Cast<TextExample>().Select(row => row.Text))}"),
    ];

    private static Diagnostic Refused(string include, string type = "TrainingData")
    {
        Diagnostic refused = Assert.Throws<FineTuneException>(() => Parts(Item(type, include))).Diagnostic;
        Assert.Equal(Place, refused.Position);
        return refused;
    }

    [Fact]
    public void Splits_found_by_their_names_go_to_the_parts_of_the_project()
    {
        Put("data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl", "data/validation-00000-of-00001.jsonl", "data/test-00000-of-00001.jsonl", "README.md", "dataset_infos.json");
        Assert.Equal(
            ["train -: data/train-00000-of-00002.jsonl data/train-00001-of-00002.jsonl", "validation Validation: data/validation-00000-of-00001.jsonl", "test Test: data/test-00000-of-00001.jsonl"],
            Parts(Item("TrainingData", "hub:me/set")));
        Assert.Equal(["test Test: data/test-00000-of-00001.jsonl"], Parts(Item("TestData", "hub:me/set")));
        Assert.Equal(["validation Validation: data/validation-00000-of-00001.jsonl"], Parts(Item("EvaluationData", "hub:me/set@main")));
        Assert.Equal(["test -: data/test-00000-of-00001.jsonl"], Parts(Item("TrainingData", $"hub:me/set@{Commit}:test")));
        Assert.Equal(["test Validation: data/test-00000-of-00001.jsonl"], Parts(Item("EvaluationData", "hub:me/set:test")));
    }

    [Theory]
    [InlineData("train.jsonl dev.jsonl eval_set.jsonl", "train=train.jsonl validation=dev.jsonl test=eval_set.jsonl")]
    [InlineData("a/training/x.jsonl a/valid/y.jsonl", "train=a/training/x.jsonl validation=a/valid/y.jsonl")]
    [InlineData("my_train_set.jsonl constraints.jsonl", "train=my_train_set.jsonl")]
    [InlineData("data/train_sft-00000-of-00001.jsonl data/test_sft-00000-of-00001.jsonl", "train_sft=data/train_sft-00000-of-00001.jsonl test_sft=data/test_sft-00000-of-00001.jsonl")]
    [InlineData("one.jsonl two.jsonl", "train=one.jsonl,two.jsonl")]
    public void Names_of_folders_and_files_say_the_split(string files, string splits) =>
        Assert.Equal(splits, string.Join(' ', SplitPatterns.ByName(files.Split(' ')).Select(split => $"{split.Key}={string.Join(',', split.Value)}")));

    [Theory]
    [InlineData("data/*", "data/a.csv data/b.jsonl")]
    [InlineData("**/*.csv", "c.csv data/a.csv data/x/d.csv")]
    [InlineData("data/**", "data/a.csv data/b.jsonl data/x/d.csv")]
    [InlineData("./data/[ab].???", "data/a.csv")]
    [InlineData("data/**/[!a-c].csv", "data/x/d.csv")]
    [InlineData("**/d*", "data/x/d.csv")]
    [InlineData("*", "c.csv")]
    [InlineData("../*", "")]
    [InlineData("data/(a|b).csv", "")]
    public void Patterns_of_a_card_match_as_in_a_shell(string pattern, string matches) =>
        Assert.Equal(matches, string.Join(' ', SplitPatterns.Matching(["c.csv", "data/a.csv", "data/b.jsonl", "data/x/d.csv"], pattern)));

    [Fact]
    public void A_pattern_of_many_stars_is_matched_at_once() =>
        Assert.Empty(SplitPatterns.Matching([.. Enumerable.Range(0, 100).Select(i => new string('a', 200) + i)], string.Concat(Enumerable.Repeat("*a**/", 200)) + "b"));

    [Fact]
    public void The_card_says_which_files_a_config_has()
    {
        Write("README.md", "---\nlicense: mit\nconfigs:\n- config_name: en\n  data_files:\n  - split: train\n    path: [first/*.jsonl, more.jsonl]\n  - split: gold\n    path: gold.jsonl\n- config_name: ko\n  default: true\n  data_dir: korean\n- config_name: all\n  data_files: '**/*.jsonl'\n---\n# Set\n");
        Put("first/a.jsonl", "more.jsonl", "gold.jsonl", "korean/train.jsonl", "korean/test.jsonl");
        Assert.Equal(["train -: first/a.jsonl more.jsonl"], Parts(Item("TrainingData", "hub:me/set/en")));
        Assert.Equal(["gold -: gold.jsonl"], Parts(Item("TrainingData", "hub:me/set/en:gold")));
        Assert.Equal(["train -: korean/train.jsonl", "test Test: korean/test.jsonl"], Parts(Item("TrainingData", "hub:me/set")));
        Assert.Equal(["train -: first/a.jsonl gold.jsonl korean/test.jsonl korean/train.jsonl more.jsonl"], Parts(Item("TrainingData", "hub:me/set@main/all")));
        Assert.Contains("en, ko, all", Refused("hub:me/set/fr").Remedy);
    }

    [Fact]
    public void A_config_without_a_card_is_a_folder()
    {
        Put("en/train.jsonl", "ko/train.jsonl", "ko/test.jsonl");
        Assert.Equal(["train -: ko/train.jsonl", "test Test: ko/test.jsonl"], Parts(Item("TrainingData", "hub:me/set/ko")));
    }

    [Fact]
    public void Of_several_types_the_most_frequent_counts()
    {
        Put("train/a.jsonl", "train/b.jsonl", "train/notes.txt", "train/table.csv");
        Assert.Equal(["train -: train/a.jsonl train/b.jsonl"], Parts(Item("TrainingData", "hub:me/set")));
    }

    [Fact]
    public void Metadata_and_limits_count_for_every_part()
    {
        Put("train.jsonl", "test.jsonl");
        Assert.Equal(["test Test: test.jsonl"], Parts(Item("TrainingData", "hub:me/set", ("Split", "test"), ("Limit", "1"))));
    }

    [Fact]
    public void A_missing_data_set_names_the_ways_to_supply_it()
    {
        Diagnostic missing = Refused("hub:me/none");
        Assert.Equal("FT0101", missing.Code.Id);
        Assert.Contains(_cache.Path, missing.Remedy);
        Assert.Contains("HF_HUB_CACHE", missing.Remedy);
    }

    [Theory]
    [InlineData("hub:me")]
    [InlineData("hub:me/../x")]
    [InlineData("hub:me/set@../../x")]
    [InlineData("hub:me/set/a/b")]
    [InlineData("hub:me/set:a:b")]
    public void A_name_of_another_form_is_FT0001(string include) => Assert.Equal("FT0001", Refused(include).Code.Id);

    [Theory]
    [InlineData("hub:me/set:validation", "TrainingData")]
    [InlineData("hub:me/set", "EvaluationData")]
    public void A_split_that_is_not_there_names_those_that_are(string include, string type)
    {
        Put("train.jsonl", "test.jsonl");
        Assert.Contains("test, train", Refused(include, type).Remedy);
    }

    [Fact]
    public void A_part_of_the_files_is_not_taken_for_all()
    {
        Put("data/train-00000-of-00003.jsonl", "data/train-00002-of-00003.jsonl");
        Diagnostic refused = Refused("hub:me/set");
        Assert.Contains("Of the 3 files", refused.Message);
        Assert.Contains("only 2", refused.Message);
    }

    [Fact]
    public void A_card_that_is_not_yaml_is_refused_at_its_line()
    {
        Write("README.md", "---\na: [\n---\n");
        Put("train.jsonl");
        Diagnostic refused = Assert.Throws<FineTuneException>(() => Parts(Item("TrainingData", "hub:me/set"))).Diagnostic;
        Assert.Equal("FT0110", refused.Code.Id);
        Assert.EndsWith("README.md", refused.Position.File);
    }

    [Fact]
    public void A_changed_file_of_any_split_prepares_the_data_again()
    {
        using var project = new TinyProject();
        Put();
        foreach (string split in (string[])["train", "test"])
        {
            Write($"{split}.jsonl", $$"""{"messages": [{"role": "user", "content": "{{split}}?"}, {"role": "assistant", "content": "Yes."}]}""");
        }

        project.Items[0] = Item("TrainingData", "hub:me/set");
        Assert.Equal(StageStatus.Done, project.Run("preprocess").Status);
        Assert.Contains(project.Events.Milestones, line => line.StartsWith("2 rows read", StringComparison.Ordinal));
        Assert.Equal(StageStatus.UpToDate, project.Run("preprocess").Status);
        Write("test.jsonl", """{"messages": [{"role": "user", "content": "Another?"}, {"role": "assistant", "content": "No."}]}""");
        Assert.Equal(StageStatus.Done, project.Run("preprocess").Status);
    }
}
