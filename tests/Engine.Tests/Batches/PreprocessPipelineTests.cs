using System.Globalization;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Data.Cleaning;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tests.Tokenizers;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Batches;

public sealed class PreprocessPipelineTests : IDisposable
{
    private static readonly Tokenizer SmolLm2 = TokenizerGoldens.Tokenizer(TokenizerGoldens.Local, "smollm2");
    private readonly string _folder = Directory.CreateTempSubdirectory("preprocess").FullName;
    private readonly string _data = Directory.CreateTempSubdirectory("data").FullName;
    private readonly Events _events = new();

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        Directory.Delete(_data, recursive: true);
    }

    [Fact]
    public void The_files_are_the_same_for_any_number_of_threads()
    {
        DataSource source = Source(Enumerable.Range(0, 300).Select(i => Row($"Question {i}?", $"Answer {i * 31}.")));
        string[] hashes = [.. new[] { 1, 4 }.Select(threads =>
        {
            string folder = Path.Combine(_folder, threads.ToString(CultureInfo.InvariantCulture));
            Pipeline(Settings with { ValidationSplitRatio = 0.1, TestSplitRatio = 0.1 }).Run([source], folder, threads);
            return string.Join('\n', Directory.GetFiles(folder).Order().Select(file => Path.GetFileName(file) + Convert.ToHexString(File.ReadAllBytes(file))));
        })];
        Assert.Equal(hashes[0], hashes[1]);
        Assert.Equal(6, Directory.GetFiles(Path.Combine(_folder, "1")).Length);
    }

    [Fact]
    public void Data_sets_and_statistics_say_the_same()
    {
        PreprocessResult result = Pipeline(Settings with { ValidationSplitRatio = 0.2 }).Run(
            [Source(Enumerable.Range(0, 100).Select(i => Row($"Question {i}?", $"Answer {i}.")))], _folder);
        PreprocessStatistics statistics = PreprocessStatistics.FromJson(File.ReadAllText(Path.Combine(_folder, PreprocessPipeline.StatisticsFile)));
        Assert.Equal(result.Statistics.ToJson(), statistics.ToJson());
        using TokenizedDataset train = TokenizedDataset.Open(result.Train);
        using TokenizedDataset validation = TokenizedDataset.Open(result.Validation);
        using TokenizedDataset test = TokenizedDataset.Open(result.Test);
        Assert.Equal((100, 0), (train.Count + validation.Count, test.Count));
        Assert.InRange(validation.Count, 10, 32);
        Assert.Equal((train.Count, train.Tokens, train.SupervisedTokens), (statistics.Train.Rows, statistics.Train.Tokens, statistics.Train.SupervisedTokens));
        Assert.Equal(train.Lengths.Max(), statistics.Train.LongestRow);
        Assert.Equal(train.Count, statistics.Train.Lengths.Sum(bucket => bucket.Rows));
        Assert.All(statistics.Train.Lengths, bucket => Assert.InRange(bucket.UpTo, statistics.Train.ShortestRow, 64));
        Assert.DoesNotContain(_events.Diagnostics, diagnostic => diagnostic.Severity != Severity.Message);
    }

    [Fact]
    public void Dropped_rows_are_counted_by_reason()
    {
        DataSource source = Source(
        [
            Row("Question?", "Answer."), Row("Question? ", "Answer."), Row("Q", "A"), Row("Long?", new string('x', 900)),
            """{"messages": [{"role": "user", "content": "Nobody answers this."}]}""", Row("Fits.", string.Join(' ', Enumerable.Repeat("word", 80))),
        ]);
        PreprocessSettings settings = Settings with
        {
            Cleaning = new CleaningSettings { DeduplicateData = true, MinChars = 5, MaxChars = 800 },
            ExcessLengthStrategy = ExcessLengthStrategy.Drop,
        };
        PreprocessStatistics statistics = Pipeline(settings).Run([source], _folder).Statistics;
        Assert.Equal(6, statistics.RowsRead);
        Assert.Equal(1, statistics.Train.Rows);
        Assert.Equal(["duplicate 1", "longer than MaxSeqLength 1", "nothing to learn 1", "too long 1", "too short 1"],
            statistics.Dropped.Select(item => $"{item.Key} {item.Value}").Order(StringComparer.Ordinal));
        Diagnostic warning = _events.Diagnostics.Single(diagnostic => diagnostic.Code == Codes.NothingSupervised);
        Assert.Equal((Severity.Warning, 5), (warning.Severity, warning.Position.Line));
    }

    [Fact]
    public void The_preview_shows_what_is_learnt()
    {
        Pipeline(Settings).Run([Source([Row("왜?", "왜냐하면.")])], _folder);
        string preview = File.ReadAllText(Path.Combine(_folder, PreprocessPipeline.PreviewFile));
        Assert.Contains("train: data.jsonl(1)", preview);
        Assert.Contains("<|im_start|>user\n왜?<|im_end|>\n<|im_start|>assistant\n⟦왜냐하면.<|im_end|>⟧\n", preview);
    }

    [Fact]
    public void Data_of_which_nothing_can_be_learnt_are_FT0104()
    {
        DataSource source = Source(["""{"messages": [{"role": "user", "content": "a"}]}""", """{"messages": [{"role": "user", "content": "b"}]}"""]);
        Diagnostic diagnostic = Fails(() => Pipeline(Settings).Run([source], _folder));
        Assert.Equal((Codes.NothingSupervised, Severity.Error), (diagnostic.Code, diagnostic.Severity));
        Assert.Empty(Directory.GetFiles(_folder, "*.tokens*"));
    }

    [Fact]
    public void No_training_rows_are_FT0106()
    {
        Assert.Equal(Codes.EmptySplit, Fails(() => Pipeline(Settings with { Cleaning = new CleaningSettings { MinChars = 1000 } }).Run([Source([Row("a", "b")])], _folder)).Code);
    }

    [Fact]
    public void An_empty_validation_part_that_was_asked_for_is_a_warning()
    {
        Pipeline(Settings with { ValidationSplitRatio = 1e-9 }).Run([Source([Row("a", "b")])], _folder);
        Assert.Contains(_events.Diagnostics, diagnostic => diagnostic.Code == Codes.EmptySplit && diagnostic.Severity == Severity.Warning);
    }

    [Fact]
    public void The_first_bad_row_of_the_file_is_named_whatever_thread_meets_it()
    {
        DataSource source = Source(Enumerable.Range(0, 64).Select(i => i is 40 or 20 ? """{"messages": [{"role": "user", "content": 7}, {"role": "assistant", "content": "a"}]}""" : Row("a", "b")));
        Diagnostic diagnostic = Fails(() => Pipeline(Settings).Run([source], _folder, threads: 4));
        Assert.Equal((Codes.TemplateFailed, 21), (diagnostic.Code, diagnostic.Position.Line));
    }

    [Fact]
    public void A_template_that_never_ends_an_answer_is_a_warning()
    {
        File.WriteAllText(Path.Combine(_folder, "open.jinja"), "{% for m in messages %}{{ m.role }}: {% generation %}{{ m.content }}{% endgeneration %}\n{% endfor %}");
        new PreprocessPipeline(Settings, SmolLm2, PromptTemplates.Find("open.jinja", _folder, SmolLm2), _events).Run([Source([Row("a", "b")])], _folder);
        Assert.Contains(_events.Diagnostics, diagnostic => diagnostic.Code == Codes.TemplateDoesNotFit && diagnostic.Severity == Severity.Warning);
    }

    [SharedTheory("data")]
    [InlineData("korean-legal", "chat", 101)]
    [InlineData("korean-legal", "alpaca", 101)]
    [InlineData("smoltalk", "chat", 155)]
    [InlineData("smoltalk", "gemma", 155)]
    [InlineData("alpaca", "alpaca", 116)]
    [InlineData("alpaca", "chatml", 116)]
    public void The_example_data_sets_become_rows_that_learn_every_answer(string name, string template, int rows)
    {
        var source = new DataSource(Path.Combine(Paths.Shared, "data", name, "train.jsonl"), null, null, new Dictionary<string, string>(), 0, default);
        var pipeline = new PreprocessPipeline(Settings with { MaxSeqLength = 2048 }, SmolLm2, PromptTemplates.Find(template, "", SmolLm2), _events);
        PreprocessStatistics statistics = pipeline.Run([source], _folder).Statistics;
        Assert.Equal((rows, rows), (statistics.RowsRead, statistics.Train.Rows));
        Assert.Empty(statistics.Dropped);
        Assert.InRange(statistics.Train.SupervisedShare, 0.15, 0.9);
    }

    private static PreprocessSettings Settings => new() { MaxSeqLength = 64 };

    private static string Row(string question, string answer) =>
        $$"""{"messages": [{"role": "user", "content": "{{question}}"}, {"role": "assistant", "content": "{{answer}}"}]}""";

    private static Diagnostic Fails(Action run) => Assert.Throws<FineTuneException>(run).Diagnostic;

    private PreprocessPipeline Pipeline(PreprocessSettings settings) => new(settings, SmolLm2, PromptTemplates.Find("chatml", "", SmolLm2), _events);

    private DataSource Source(IEnumerable<string> lines)
    {
        string path = Path.Combine(_data, "data.jsonl");
        File.WriteAllLines(path, lines);
        return new DataSource(path, null, null, new Dictionary<string, string>(), 0, new SourcePosition("legal.finetune", 3));
    }

    private sealed class Events : IEventSink
    {
        public List<Diagnostic> Diagnostics { get; } = [];

        public void Emit(EngineEvent engineEvent)
        {
            if (engineEvent is DiagnosticEvent diagnostic)
            {
                Diagnostics.Add(diagnostic.Diagnostic);
            }
        }
    }
}
