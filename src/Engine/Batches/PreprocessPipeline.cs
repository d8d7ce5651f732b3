using System.Runtime.ExceptionServices;
using System.Text;
using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Data.Cleaning;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Batches;

/// <summary>Where the data sets lie and what is in them.</summary>
public sealed record PreprocessResult(string Train, string Validation, string Test, PreprocessStatistics Statistics);

/// <summary>
/// Data sources to tokenised data sets: read, clean, split, render, tokenise, write. The files have the same bytes for any number of threads:
/// rows are worked on in blocks, side by side, and judged and written in order.
/// </summary>
public sealed class PreprocessPipeline(PreprocessSettings settings, Tokenizer tokenizer, PromptTemplate template, IEventSink events)
{
    public const string TrainFile = "train.tokens";
    public const string ValidationFile = "validation.tokens";
    public const string TestFile = "test.tokens";
    public const string StatisticsFile = "statistics.json";
    public const string PreviewFile = "preview.txt";
    public const string DroppedFile = "dropped.jsonl";

    /// <summary>Rows between two reports of progress.</summary>
    private const int ProgressRows = 1024;

    /// <summary>Writes the data sets, statistics, a preview and the list of dropped rows into a folder.</summary>
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
        using var dropped = new DroppedRows(Path.Combine(folder, DroppedFile));
        DataSplitter splitter = DataSplitter.For(sources, settings.Seed, settings.ValidationSplitRatio, settings.TestSplitRatio);
        var cleaner = new RowCleaner(settings.Cleaning, splitter, splitter.Cuts || sources.Select(source => source.Split ?? Split.Train).Distinct().Count() > 1);
        var counts = new PreprocessCounts(settings, tokenizer, template.Name, events);
        var preparation = new RowPreparation(new ExampleTokenizer(tokenizer, template, settings), settings.Cleaning, sources, cleaner.ComparesRows);
        foreach (PreparedRow row in preparation.Rows(threads, cancellation))
        {
            if (row.Facts is null)
            {
                ExceptionDispatchInfo.Throw(row.Failure!);
            }

            counts.Read(row.Facts.Quality);
            RowVerdict verdict = cleaner.Judge(row.Source, row.Facts, row.Place);
            if (verdict.DropReason is null)
            {
                Add(row, verdict.Split, counts, dropped, verdict.Split switch { Split.Train => train, Split.Validation => validation, _ => test });
            }
            else
            {
                dropped.Add(verdict.DropReason, row.Place, verdict.Like);
            }

            if (counts.RowsRead % ProgressRows == 0)
            {
                events.Emit(new ProgressEvent("Preprocess", counts.RowsRead, 0, $"{train.Rows + validation.Rows + test.Rows} examples"));
            }
        }

        new PreprocessChecks(settings, tokenizer, template.Name, events).Check(sources, counts, dropped, train, validation, test);
        var statistics = new PreprocessStatistics(
            counts.RowsRead, dropped.Counts, template.Name, settings.MaxSeqLength, train.Complete(), validation.Complete(), test.Complete())
        {
            NearDuplicates = cleaner.NearDuplicatesFound,
            CrossedBoundaries = counts.CrossedBoundaries,
            Quality = counts.Quality,
        };
        AtomicFile.WriteText(Path.Combine(folder, StatisticsFile), statistics.ToJson());
        AtomicFile.WriteText(Path.Combine(folder, PreviewFile), Preview(train, validation, test));
        return new PreprocessResult(train.Path, validation.Path, test.Path, statistics);
    }

    private static void Add(PreparedRow row, Split split, PreprocessCounts counts, DroppedRows dropped, SplitWriter writer)
    {
        if (row.Failure is not null)
        {
            ExceptionDispatchInfo.Throw(row.Failure);
        }

        if (counts.Tokenized(row.Tokens!) is { } reason)
        {
            dropped.Add(reason, row.Place);
            return;
        }

        int copies = split == Split.Train ? Copies(row.Source.Weight, row.Facts!.Content) : 1;
        for (int copy = 0; copy < copies; copy++)
        {
            writer.Add(row.Tokens!, row.Place);
        }

        if (copies == 0)
        {
            dropped.Add(DropReason.SampledOut, row.Place);
        }
    }

    /// <summary>How often a row is taken: the whole part of the weight, and once more for that share of the rows, chosen by what they say.</summary>
    private static int Copies(double weight, UInt128 content)
    {
        int whole = (int)weight;
        return whole + ((ulong)(content >> 64) / 18446744073709551616.0 < weight - whole ? 1 : 0);
    }

    private string Preview(params ReadOnlySpan<SplitWriter> splits)
    {
        var text = new StringBuilder("The first rows as the model sees them. ⟦ and ⟧ stand around what is learnt.\n\n");
        foreach (SplitWriter split in splits)
        {
            split.Preview(text, tokenizer);
        }

        return text.ToString();
    }
}
