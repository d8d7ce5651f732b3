using FineTuneTool.Engine.Data.Cleaning;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Batches;

/// <summary>What is counted while rows pass.</summary>
internal sealed class PreprocessCounts(PreprocessSettings settings, Tokenizer tokenizer, string template, IEventSink events)
{
    /// <summary>Rows without a trainable token that are named one by one.</summary>
    public const int NamedRows = 10;

    private const double FewLetters = 0.5;
    private const double MuchRepetition = 0.3;

    private double _letters;
    private double _repetition;
    private int _fewLetters;
    private int _repetitive;
    private int _broken;

    public long RowsRead { get; private set; }

    public int NothingSupervised { get; private set; }

    public int CrossedBoundaries { get; private set; }

    public SourcePosition FirstCrossed { get; private set; }

    public int LostAnswers { get; private set; }

    public SourcePosition FirstLostAnswer { get; private set; }

    /// <summary>Some row begins with the token that begins texts.</summary>
    public bool BeginsWithBos { get; private set; }

    /// <summary>Some row teaches a token that ends an answer.</summary>
    public bool LearnsToEnd { get; private set; }

    public QualityStatistics Quality => RowsRead == 0 ? new QualityStatistics(1, 0, 0, 0, 0)
        : new QualityStatistics(Math.Round(_letters / RowsRead, 6), Math.Round(_repetition / RowsRead, 6), _fewLetters, _repetitive, _broken);

    public void Read(TextQuality quality)
    {
        RowsRead++;
        _letters += quality.LetterRatio;
        _repetition += quality.RepetitionRatio;
        _fewLetters += quality.LetterRatio < FewLetters ? 1 : 0;
        _repetitive += quality.RepetitionRatio > MuchRepetition ? 1 : 0;
        _broken += quality.BrokenRatio > 0 ? 1 : 0;
    }

    /// <summary>Counts a row that would stay; says why it cannot where nothing of it is left.</summary>
    public string? Tokenized(TokenizedRow row)
    {
        if (row.Outcome == RowOutcome.TooLong)
        {
            return DropReason.BeyondMaxSeqLength;
        }

        if (row.Outcome == RowOutcome.NothingSupervised)
        {
            if (NothingSupervised++ < NamedRows)
            {
                events.Report(EmptyRow("The row has no trainable token and is left out.", row.Position, Severity.Warning));
            }

            return DropReason.NothingToLearn;
        }

        if (row.CrossesBoundary && CrossedBoundaries++ == 0)
        {
            FirstCrossed = row.Position;
        }

        if (row.LostAnswer && LostAnswers++ == 0)
        {
            FirstLostAnswer = row.Position;
        }

        BeginsWithBos = BeginsWithBos || row.Examples[0].Ids[0] == tokenizer.Special.BosToken?.Id;

        // Label and id are the same where something is learnt, so a label tells whether an end is.
        LearnsToEnd = LearnsToEnd || row.Examples.Any(example => Array.Exists(example.Labels, label => tokenizer.EndOfGenerationIds.Contains(label)));
        return null;
    }

    public Diagnostic EmptyRow(string message, SourcePosition position, Severity severity) => new(Codes.NothingSupervised, message,
        $"Its answer is empty, or lies beyond MaxSeqLength ({settings.MaxSeqLength}), or the template {template} marks nothing of it.", position, severity);
}
