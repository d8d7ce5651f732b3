using System.Runtime.ExceptionServices;
using System.Text;
using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Batches;

/// <summary>Where the data sets lie and what is in them.</summary>
public sealed record PreprocessResult(string Train, string Validation, string Test, PreprocessStatistics Statistics);

/// <summary>
/// Data sources to tokenised data sets: read, filter, split, render, tokenise, write. The files have the same bytes for any number of threads:
/// rows are worked on in blocks, side by side, and written in order.
/// </summary>
public sealed class PreprocessPipeline(PreprocessSettings settings, Tokenizer tokenizer, PromptTemplate template, IEventSink events)
{
    public const string TrainFile = "train.tokens";
    public const string ValidationFile = "validation.tokens";
    public const string TestFile = "test.tokens";
    public const string StatisticsFile = "statistics.json";
    public const string PreviewFile = "preview.txt";

    private const int BlockRows = 1024;
    private const int ReportedRows = 10;

    private readonly ExampleTokenizer _examples = new(tokenizer, template, settings);

    /// <summary>Writes the data sets, statistics and a preview into a folder.</summary>
    /// <param name="threads">Threads to work with; 0 = one for each processor.</param>
    /// <exception cref="FineTuneException">
    /// What reading, rendering and tokenising raise, at the row; FT0104 when nothing of the data can be learnt; FT0106 when no training rows are left.
    /// </exception>
    public PreprocessResult Run(IReadOnlyList<DataSource> sources, string folder, int threads = 0, CancellationToken cancellation = default)
    {
        Directory.CreateDirectory(folder);
        using var train = new SplitWriter("train", Path.Combine(folder, TrainFile), settings.MaxSeqLength);
        using var validation = new SplitWriter("validation", Path.Combine(folder, ValidationFile), settings.MaxSeqLength);
        using var test = new SplitWriter("test", Path.Combine(folder, TestFile), settings.MaxSeqLength);
        var state = new State(new RowFilter(settings.DeduplicateData, settings.MinChars, settings.MaxChars));
        DataSplitter splitter = DataSplitter.For(sources, settings.Seed, settings.ValidationSplitRatio, settings.TestSplitRatio);

        foreach ((Example Example, Split Split)[] block in Rows(sources, splitter, state).Chunk(BlockRows))
        {
            cancellation.ThrowIfCancellationRequested();
            TokenizedRow[] rows = Tokenize([.. block.Select(row => row.Example)], threads, cancellation);
            for (int i = 0; i < rows.Length; i++)
            {
                Count(rows[i], state);
                (block[i].Split switch { Split.Train => train, Split.Validation => validation, _ => test }).Add(rows[i]);
            }

            events.Emit(new ProgressEvent("Preprocess", state.Read, 0, $"{train.Rows + validation.Rows + test.Rows} examples"));
        }

        Check(sources, state, train, validation, test);
        var statistics = new PreprocessStatistics(
            state.Read, state.AllDropped(), template.Name, settings.MaxSeqLength, train.Complete(), validation.Complete(), test.Complete());
        AtomicFile.WriteText(Path.Combine(folder, StatisticsFile), statistics.ToJson());
        AtomicFile.WriteText(Path.Combine(folder, PreviewFile), Preview(train, validation, test));
        return new PreprocessResult(train.Path, validation.Path, test.Path, statistics);
    }

    private static IEnumerable<(Example, Split)> Rows(IReadOnlyList<DataSource> sources, DataSplitter splitter, State state)
    {
        foreach (DataSource source in sources)
        {
            foreach (Example example in ExampleReader.Read(source))
            {
                state.Read++;
                if (state.Filter.Keeps(example))
                {
                    yield return (example, splitter.SplitOf(source, example));
                }
            }
        }
    }

    private TokenizedRow[] Tokenize(Example[] examples, int threads, CancellationToken cancellation)
    {
        var rows = new TokenizedRow[examples.Length];
        var failures = new Exception?[examples.Length];
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads > 0 ? threads : Environment.ProcessorCount, CancellationToken = cancellation };
        Parallel.For(0, examples.Length, options, i =>
        {
            try
            {
                rows[i] = _examples.Tokenize(examples[i]);
            }
            catch (FineTuneException exception)
            {
                failures[i] = exception;
            }
        });

        // The first bad row of the file is the one to name, whichever thread met its own first.
        if (failures.FirstOrDefault(failure => failure is not null) is { } first)
        {
            ExceptionDispatchInfo.Throw(first);
        }

        return rows;
    }

    private void Count(TokenizedRow row, State state)
    {
        if (row.Outcome == RowOutcome.TooLong)
        {
            state.TooLong++;
        }
        else if (row.Outcome == RowOutcome.NothingSupervised)
        {
            if (state.NothingSupervised++ < ReportedRows)
            {
                events.Report(NothingSupervised("The row has no trainable token and is left out.", row.Position, Severity.Warning));
            }
        }

        // Label and id are the same where something is learnt, so the last label tells whether the end is.
        state.LearnsToEnd |= row.Examples.Any(example => example.Labels.Any(label => tokenizer.EndOfGenerationIds.Contains(label)));
    }

    private void Check(IReadOnlyList<DataSource> sources, State state, SplitWriter train, SplitWriter validation, SplitWriter test)
    {
        int rows = train.Rows + validation.Rows + test.Rows;
        SourcePosition place = sources.Count > 0 ? sources[0].Position : default;
        if (rows == 0 && state.NothingSupervised > 0)
        {
            throw new FineTuneException(NothingSupervised($"None of the {state.NothingSupervised} rows has a trainable token.", place, Severity.Error));
        }

        if (train.Rows == 0)
        {
            throw new FineTuneException(Codes.EmptySplit, $"No training rows are left of {state.Read} rows read.",
                $"Dropped: {string.Join(", ", state.AllDropped().Select(item => $"{item.Value} {item.Key}").DefaultIfEmpty("none"))}. Check the data, filters and split ratios.", place);
        }

        if (state.NothingSupervised > ReportedRows)
        {
            events.Report(NothingSupervised($"{state.NothingSupervised} rows in all have no trainable token and are left out.", place, Severity.Warning));
        }

        WarnIfEmpty(validation, "validation", settings.ValidationSplitRatio > 0 || sources.Any(source => source.Split == Split.Validation), place);
        WarnIfEmpty(test, "test", settings.TestSplitRatio > 0 || sources.Any(source => source.Split == Split.Test), place);
        if (!state.LearnsToEnd && tokenizer.EndOfGenerationIds.Count > 0)
        {
            string ends = string.Join(" or ", tokenizer.EndOfGenerationIds.Take(3).Select(tokenizer.IdToToken));
            events.Report(new Diagnostic(Codes.TemplateDoesNotFit, $"No row teaches the model to end its answer: {ends} is never learnt with the template {template.Name}.",
                "Use a template whose turns end with that token.", place, Severity.Warning));
        }
    }

    private void WarnIfEmpty(SplitWriter split, string name, bool wanted, SourcePosition place)
    {
        if (wanted && split.Rows == 0)
        {
            events.Report(new Diagnostic(Codes.EmptySplit, $"The {name} part has no rows.", "Raise its ratio or give it rows of its own.", place, Severity.Warning));
        }
    }

    private Diagnostic NothingSupervised(string message, SourcePosition position, Severity severity) => new(Codes.NothingSupervised, message,
        $"Its answer is empty, or lies beyond MaxSeqLength ({settings.MaxSeqLength}), or the template {template.Name} marks nothing of it.", position, severity);

    private string Preview(params ReadOnlySpan<SplitWriter> splits)
    {
        var text = new StringBuilder("The first rows as the model sees them. ⟦ and ⟧ stand around what is learnt.\n\n");
        foreach (SplitWriter split in splits)
        {
            split.Preview(text, tokenizer);
        }

        return text.ToString();
    }

    private sealed class State(RowFilter filter)
    {
        public RowFilter Filter => filter;

        public long Read { get; set; }

        public int TooLong { get; set; }

        public int NothingSupervised { get; set; }

        public bool LearnsToEnd { get; set; }

        public SortedDictionary<string, int> AllDropped()
        {
            var dropped = new SortedDictionary<string, int>(filter.Dropped.ToDictionary(), StringComparer.Ordinal);
            if (TooLong > 0)
            {
                dropped["longer than MaxSeqLength"] = TooLong;
            }

            if (NothingSupervised > 0)
            {
                dropped["nothing to learn"] = NothingSupervised;
            }

            return dropped;
        }
    }
}
