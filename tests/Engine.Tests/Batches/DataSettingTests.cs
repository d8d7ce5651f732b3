using System.Text.Json.Nodes;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Tests.Tokenizers;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Batches;

/// <summary>Each setting and metadata of data changes what is prepared.</summary>
public sealed class DataSettingTests : IDisposable
{
    private static readonly Tokenizer SmolLm2 = TokenizerGoldens.Tokenizer(TokenizerGoldens.Local, "smollm2");
    private readonly TemporaryFolder _folder = new();
    private readonly RecordingEvents _events = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("ExcessLengthStrategy=truncate", "ExcessLengthStrategy=drop")]
    [InlineData("ExcessLengthStrategy=truncate", "ExcessLengthStrategy=split")]
    [InlineData("ExcessLengthStrategy=split ChunkOverlap=0", "ExcessLengthStrategy=split ChunkOverlap=8")]
    [InlineData("TrainOnInputs=false", "TrainOnInputs=true")]
    [InlineData("RolesToTrain=assistant", "RolesToTrain=user")]
    [InlineData("RolesToTrain=assistant", "RolesToTrain=assistant;user")]
    [InlineData("TurnsToTrain=all", "TurnsToTrain=last")]
    [InlineData("SystemPrompt=", "SystemPrompt=Brief.")]
    [InlineData("ValidationSplitRatio=0", "ValidationSplitRatio=0.5")]
    [InlineData("TestSplitRatio=0", "TestSplitRatio=0.5")]
    [InlineData("TestSplitRatio=0.5 Seed=1", "TestSplitRatio=0.5 Seed=2")]
    [InlineData("DeduplicateData=false", "DeduplicateData=true")]
    [InlineData("NearDuplicates=separate", "NearDuplicates=drop")]
    [InlineData("NearDuplicates=separate ValidationSplitRatio=0.5", "NearDuplicates=keep ValidationSplitRatio=0.5")]
    [InlineData("NearDuplicates=drop NearDuplicateThreshold=0.5", "NearDuplicates=drop NearDuplicateThreshold=1")]
    [InlineData("MinChars=0", "MinChars=30")]
    [InlineData("MaxChars=0", "MaxChars=300")]
    [InlineData("MinLetterRatio=0", "MinLetterRatio=0.6")]
    [InlineData("MaxRepetitionRatio=1", "MaxRepetitionRatio=0.3")]
    [InlineData("MaxBrokenRatio=1", "MaxBrokenRatio=0")]
    public void Another_value_prepares_other_data(string one, string other)
    {
        string first = Prepared(one);
        Assert.NotEqual(first, Prepared(other));
        Assert.Equal(first, Prepared(one));
    }

    [Theory]
    [InlineData("Limit", "3")]
    [InlineData("Weight", "2")]
    [InlineData("Weight", "0.5")]
    public void Other_metadata_prepare_other_data(string name, string value) => Assert.NotEqual(Prepared(""), Prepared("", (name, value)));

    [Fact]
    public void A_weighted_source_gives_each_training_row_so_many_times()
    {
        PreprocessStatistics once = Run("ValidationSplitRatio=0.3").Statistics, twice = Run("ValidationSplitRatio=0.3", ("Weight", "2")).Statistics;
        Assert.Equal((2 * once.Train.Rows, once.Validation.Rows), (twice.Train.Rows, twice.Validation.Rows));
        PreprocessStatistics half = Run("", ("Weight", "0.5")).Statistics;
        Assert.Equal(Run("").Statistics.Train.Rows, half.Train.Rows + half.Dropped["left out by Weight"]);
    }

    [Fact]
    public void Training_rows_that_a_test_file_repeats_are_left_out_named_and_FT0112()
    {
        string folder = _folder.File("out");
        DataSource train = Source("rows.jsonl", Rows()), test = Source("test.jsonl", Rows().Take(2)) with { Split = Split.Test, Name = "data/test.jsonl" };
        PreprocessStatistics statistics = Pipeline("").Run([train, test], folder).Statistics;
        Assert.Equal((2, 4), (statistics.Test.Rows, statistics.Dropped["also in the test part"]));
        Diagnostic warning = _events.Diagnostics.Single(diagnostic => diagnostic.Code == Codes.RepeatedRow);
        Assert.Equal(("FT0112", Severity.Warning), (warning.Code.Id, warning.Severity));
        JsonNode dropped = JsonNode.Parse(File.ReadLines(Path.Combine(folder, PreprocessPipeline.DroppedFile)).First())!;
        Assert.Equal(
            ("also in the test part", train.Name, 1, "data/test.jsonl", 1),
            ((string)dropped["reason"]!, (string)dropped["file"]!, (int)dropped["line"]!, (string)dropped["like"]!["file"]!, (int)dropped["like"]!["line"]!));
        Assert.Equal(statistics.Dropped.Values.Sum(), File.ReadLines(Path.Combine(folder, PreprocessPipeline.DroppedFile)).Count());
    }

    [Fact]
    public void A_training_file_that_is_also_the_validation_file_says_how_to_train_on_it()
    {
        DataSource rows = Source("rows.jsonl", Rows());
        Diagnostic refused = Assert.Throws<FineTuneException>(() => Pipeline("").Run([rows, rows with { Split = Split.Validation }], _folder.File("out"))).Diagnostic;
        Assert.Equal(Codes.EmptySplit, refused.Code);
        Assert.Contains("NearDuplicates to keep", refused.Remedy);
        Assert.NotEqual(0, Pipeline("NearDuplicates=keep").Run([rows, rows with { Split = Split.Validation }], _folder.File("out")).Statistics.Train.Rows);
    }

    [Fact]
    public void Statistics_count_what_was_lost_and_how_full_packed_rows_are()
    {
        PreprocessStatistics statistics = Run("NearDuplicates=drop").Statistics;
        Assert.Equal((1, 1), (statistics.Train.Truncated, statistics.Train.AnswersCut));
        Assert.Equal(1, statistics.NearDuplicates);
        Assert.Equal((double)statistics.Train.Tokens / (statistics.Train.PackedRows * 128), statistics.Train.PackingEfficiency, 5);
        Assert.Equal((1, 1, 1), (statistics.Quality!.FewLetters, statistics.Quality.Repetitive, statistics.Quality.Broken));
        Assert.Contains(_events.Diagnostics, diagnostic => diagnostic.Code == Codes.RowTooLong && diagnostic.Severity == Severity.Warning && diagnostic.Position.Line == 9);
    }

    private static IEnumerable<string> Rows()
    {
        const string Story = "The old keeper of the lighthouse counted ships every evening and wrote their names into a thick blue book that nobody else ever read.";
        yield return Row("Tell me a story about a keeper.", Story);
        yield return Row("What is the capital of France?", "The capital of France is Paris, which lies on the river Seine.");
        yield return Row("Tell me a story about a keeper.", Story);
        yield return Row("Tell me a story about a keeper!", Story.Replace("thick blue", "thick red"));
        yield return Row("Hi", "Hello.");
        yield return Row("%%%% $$$$ ####", "@@@@ **** ((((");
        yield return Row("Repeat it many times, please.", string.Concat(Enumerable.Repeat("all work and no play makes a dull day ", 10)));
        yield return Row("Broken?", "Yes, this \uFFFD is broken.");
        yield return Row("Count to a hundred.", string.Join(' ', Enumerable.Range(1, 100)));
        yield return """{"messages": [{"role": "user", "content": "First question?"}, {"role": "assistant", "content": "First answer."}, {"role": "user", "content": "Second question?"}, {"role": "assistant", "content": "Second answer."}]}""";
    }

    private static string Row(string question, string answer) => new JsonObject
    {
        ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = question }, new JsonObject { ["role"] = "assistant", ["content"] = answer }),
    }.ToJsonString();

    private string Prepared(string settings, params (string Name, string Value)[] metadata)
    {
        PreprocessResult result = Run(settings, metadata);
        return string.Join('\n', new[] { result.Train, result.Validation, result.Test }.Select(file => Convert.ToHexString(File.ReadAllBytes(file))));
    }

    private PreprocessResult Run(string settings, params (string Name, string Value)[] metadata) =>
        Pipeline(settings).Run([Source("rows.jsonl", Rows(), metadata)], _folder.File("out"));

    private PreprocessPipeline Pipeline(string settings)
    {
        var texts = new Dictionary<string, SettingText> { ["BaseModel"] = new("m.gguf"), ["MaxSeqLength"] = new("128"), ["ValidationSplitRatio"] = new("0") };
        foreach (string[] setting in settings.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(setting => setting.Split('=')))
        {
            texts[setting[0]] = new(setting[1]);
        }

        RunSettings run = SettingsParser.Parse(texts, _events);
        return new PreprocessPipeline(PreprocessSettings.From(run), SmolLm2, PromptTemplates.Find("chatml", "", SmolLm2, run.SystemPrompt), _events);
    }

    private DataSource Source(string name, IEnumerable<string> rows, params (string Name, string Value)[] metadata) => DataSource.From(new ProjectItem(
        "TrainingData", name, _folder.Write(name, string.Join('\n', rows)), metadata.ToDictionary(pair => pair.Name, pair => pair.Value)));
}
