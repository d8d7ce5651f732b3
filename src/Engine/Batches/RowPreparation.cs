using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Data.Cleaning;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;

namespace FineTuneTool.Engine.Batches;

/// <summary>
/// Rows of all sources, parsed, measured, rendered and tokenised in blocks, by several threads, and handed on in the order of the files:
/// those of test and validation files first, so that the rows that measure are the first of equal ones.
/// </summary>
internal sealed class RowPreparation(ExampleTokenizer tokenizer, CleaningSettings cleaning, IReadOnlyList<DataSource> sources, bool comparesRows)
{
    /// <summary>Few enough that what is on its way stays small for the garbage collector.</summary>
    private const int BlockRows = 64;

    private readonly (DataSource Source, ExampleReader Reader)[] _sources =
        [.. sources.OrderBy(source => source.Split switch { Split.Test => 0, Split.Validation => 1, _ => 2 }).Select(source => (source, new ExampleReader(source)))];

    /// <param name="threads">Threads to work with, this one included; 0 = one for each processor.</param>
    /// <exception cref="FineTuneException">A file or the first row of a source cannot be read.</exception>
    public IEnumerable<PreparedRow> Rows(int threads, CancellationToken cancellation)
    {
        Boilerplate? boilerplate = comparesRows ? SharedText() : null;
        int atOnce = threads > 0 ? threads : Environment.ProcessorCount;
        var running = new Queue<Task<PreparedRow[]>>();
        try
        {
            foreach ((DataSource source, ExampleReader reader, RawRecord[] records) in Blocks())
            {
                cancellation.ThrowIfCancellationRequested();
                running.Enqueue(atOnce == 1 ? Task.FromResult(Prepare(source, reader, records, boilerplate))
                    : Task.Run(() => Prepare(source, reader, records, boilerplate), CancellationToken.None));

                // While this thread reads and writes, the others work; while it waits, all of them do.
                if (running.Count >= atOnce)
                {
                    foreach (PreparedRow row in running.Dequeue().GetAwaiter().GetResult())
                    {
                        yield return row;
                    }
                }
            }

            while (running.TryDequeue(out Task<PreparedRow[]>? oldest))
            {
                foreach (PreparedRow row in oldest.GetAwaiter().GetResult())
                {
                    yield return row;
                }
            }
        }
        finally
        {
            Task.WhenAll(running).ContinueWith(_ => { }, TaskScheduler.Default).Wait(CancellationToken.None);
        }
    }

    private IEnumerable<(DataSource, ExampleReader, RawRecord[])> Blocks() =>
        from item in _sources from block in item.Reader.Records().Chunk(BlockRows) select (item.Source, item.Reader, block);

    /// <summary>What many rows of a source share is found in its first rows.</summary>
    private Boilerplate SharedText()
    {
        var shared = new Boilerplate();
        foreach ((_, ExampleReader reader) in _sources)
        {
            shared.Learn([.. reader.Records().Take(Boilerplate.SampleRows).Select(record => Shingles.Of(ExampleContent.Texts(reader.Parse(record)), null).ToArray())]);
        }

        return shared;
    }

    private PreparedRow[] Prepare(DataSource source, ExampleReader reader, RawRecord[] records, Boilerplate? boilerplate)
    {
        Dictionary<string, string> names = records.Select(record => record.File).Distinct().ToDictionary(file => file, source.NameOf);
        return Array.ConvertAll(records, record => Prepare(source, reader, record, new SourcePosition(names[record.File], record.Line), boilerplate));
    }

    private PreparedRow Prepare(DataSource source, ExampleReader reader, RawRecord record, SourcePosition place, Boilerplate? boilerplate)
    {
        RowFacts? facts = null;
        try
        {
            Example example = reader.Parse(record);
            facts = RowFacts.Of(example, cleaning, boilerplate);
            return new PreparedRow(source, place, facts, facts.Fault is null ? tokenizer.Tokenize(example) : null, null);
        }
        catch (FineTuneException exception)
        {
            return new PreparedRow(source, place, facts, null, exception);
        }
    }
}
