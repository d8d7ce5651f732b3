using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Data.Cleaning;

/// <summary>What became of a row: the part it belongs to, or why it is left out and which row it is like.</summary>
public readonly record struct RowVerdict(Split Split, string? DropReason, SourcePosition? Like);

/// <summary>
/// Decides row by row which stay and in which part. Rows come in one fixed order, those of test and validation files first, so that of equal rows
/// the one stays that measures. A row's side depends on what it says alone, except that a near-duplicate of an earlier row joins that row's side.
/// </summary>
public sealed class RowCleaner
{
    private readonly CleaningSettings _settings;
    private readonly DataSplitter _splitter;
    private readonly bool _drops;
    private readonly Dictionary<UInt128, int> _contents = [];
    private readonly NearDuplicateIndex? _index;
    private readonly List<KeptRow> _kept = [];
    private readonly List<string?> _files = [];

    /// <param name="straddles">Rows can come into more than one part.</param>
    public RowCleaner(CleaningSettings settings, DataSplitter splitter, bool straddles)
    {
        (_settings, _splitter) = (settings, splitter);
        _drops = settings.DeduplicateData || settings.NearDuplicates == NearDuplicates.Drop;
        ComparesRows = settings.NearDuplicates == NearDuplicates.Drop || (settings.NearDuplicates == NearDuplicates.Separate && straddles);
        _index = ComparesRows ? new NearDuplicateIndex(settings.NearDuplicateThreshold) : null;
    }

    /// <summary>Rows need signatures.</summary>
    public bool ComparesRows { get; }

    /// <summary>Rows that are like an earlier one, dropped ones among them; equal ones do not count.</summary>
    public int NearDuplicatesFound { get; private set; }

    public RowVerdict Judge(DataSource source, RowFacts facts, SourcePosition place)
    {
        if (facts.Fault is not null)
        {
            return new RowVerdict(Split.Train, facts.Fault, null);
        }

        Split split = _splitter.SplitOf(source, facts.SplitContent);
        int like = _drops || ComparesRows ? _contents.GetValueOrDefault(facts.Content, -1) : -1;
        bool equal = like >= 0;
        if (!equal && _index is not null && facts.Signature is not null)
        {
            like = _index.Find(facts.Signature);
            NearDuplicatesFound += like >= 0 ? 1 : 0;
        }

        if (like >= 0)
        {
            KeptRow earlier = _kept[like];
            if (equal ? _drops : _settings.NearDuplicates == NearDuplicates.Drop)
            {
                return Drop(equal ? DropReason.Duplicate : DropReason.NearDuplicate);
            }

            bool joins = source.Split is null && !earlier.IsMarked;
            if (!joins && split != earlier.Split)
            {
                return Drop(DropReason.AlsoIn(earlier.Split));
            }

            split = earlier.Split;
            RowVerdict Drop(string reason) => new(split, reason, new SourcePosition(_files[earlier.File], earlier.Line));
        }

        if (!equal && (_drops || ComparesRows))
        {
            Remember(source, facts, place, split);
        }

        return new RowVerdict(split, null, null);
    }

    /// <summary>Keeps what later rows are compared with.</summary>
    private void Remember(DataSource source, RowFacts facts, SourcePosition place, Split split)
    {
        if (_files.Count == 0 || _files[^1] != place.File)
        {
            _files.Add(place.File);
        }

        _contents.Add(facts.Content, _kept.Count);
        if (facts.Signature is not null)
        {
            _index?.Add(facts.Signature, _kept.Count);
        }

        _kept.Add(new KeptRow(_files.Count - 1, place.Line, split, source.Split is not null));
    }

    private readonly record struct KeptRow(int File, int Line, Split Split, bool IsMarked);
}
