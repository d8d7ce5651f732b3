using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Data.Cleaning;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Batches;

/// <summary>What is said of the data as a whole: errors where nothing is left to train on, warnings where the model would learn something else than is meant.</summary>
internal sealed class PreprocessChecks(PreprocessSettings settings, Tokenizer tokenizer, string template, IEventSink events)
{
    /// <exception cref="FineTuneException">FT0104: no row has anything to learn; FT0106: there are no training rows.</exception>
    public void Check(IReadOnlyList<DataSource> sources, PreprocessCounts counts, DroppedRows dropped, SplitWriter train, SplitWriter validation, SplitWriter test)
    {
        SourcePosition place = sources.Count > 0 ? sources[0].Position : default;
        if (train.Rows + validation.Rows + test.Rows == 0 && counts.NothingSupervised > 0)
        {
            throw new FineTuneException(counts.EmptyRow($"None of the {counts.NothingSupervised} rows has a trainable token.", place, Severity.Error));
        }

        if (train.Rows == 0)
        {
            bool repeats = dropped.Of(DropReason.AlsoIn(Split.Validation)) + dropped.Of(DropReason.AlsoIn(Split.Test)) > 0;
            throw new FineTuneException(Codes.EmptySplit, $"No training rows are left of {counts.RowsRead} rows read.",
                $"Dropped: {string.Join(", ", dropped.Counts.Select(item => $"{item.Value} {item.Key}").DefaultIfEmpty("none"))}. Check the data, filters and split ratios."
                + (repeats ? " To train on rows that also measure, set NearDuplicates to keep." : ""), place);
        }

        if (counts.NothingSupervised > PreprocessCounts.NamedRows)
        {
            events.Report(counts.EmptyRow($"{counts.NothingSupervised} rows in all have no trainable token and are left out.", place, Severity.Warning));
        }

        WarnIfEmpty(validation, "validation", settings.ValidationSplitRatio > 0 || sources.Any(source => source.Split == Split.Validation), place);
        WarnIfEmpty(test, "test", settings.TestSplitRatio > 0 || sources.Any(source => source.Split == Split.Test), place);
        WarnOfRepeats(dropped, place);
        if (counts.LostAnswers > 0)
        {
            Warn(Codes.RowTooLong, $"{counts.LostAnswers} {Rows(counts.LostAnswers)} lost a part of what is to be learnt, since MaxSeqLength is {settings.MaxSeqLength}; this is the first.",
                "Raise MaxSeqLength, or set ExcessLengthStrategy to split or drop.", counts.FirstLostAnswer);
        }

        if (counts.CrossedBoundaries > 0)
        {
            Warn(Codes.TemplateDoesNotFit,
                $"In {counts.CrossedBoundaries} {Rows(counts.CrossedBoundaries)} the prompt's last token reaches into the answer, so that the model is asked otherwise than it was trained; this is the first.",
                $"End the prompt of the template {template} with a newline or a special token, not with a blank, and begin answers with neither.", counts.FirstCrossed);
        }

        if (!counts.BeginsWithBos && tokenizer.Special is { AddBosToken: true, BosToken: { } bos })
        {
            Warn(Codes.TemplateDoesNotFit, $"No row begins with {bos.Text}, which the tokenizer puts before every text; the template {template} leaves it out, and programs that serve the model may not.",
                "Let the template begin with {{ bos_token }}, as the model was trained before.", place);
        }

        if (!counts.LearnsToEnd && tokenizer.EndOfGenerationIds.Count > 0)
        {
            string ends = string.Join(" or ", tokenizer.EndOfGenerationIds.Take(3).Select(tokenizer.IdToToken));
            Warn(Codes.TemplateDoesNotFit, $"No row teaches the model to end its answer: {ends} is never learnt with the template {template}.",
                "Use a template whose turns end with that token.", place);
        }
    }

    private void WarnOfRepeats(DroppedRows dropped, SourcePosition place)
    {
        foreach (string reason in new[] { Split.Test, Split.Validation }.Select(DropReason.AlsoIn).Where(reason => dropped.Of(reason) > 0))
        {
            Warn(Codes.RepeatedRow, $"{dropped.Of(reason)} {Rows(dropped.Of(reason))} {(dropped.Of(reason) == 1 ? "is" : "are")} {reason}, or nearly so, and left out: what measures must not be learnt.",
                $"{PreprocessPipeline.DroppedFile} lists them. To have them in both parts, set NearDuplicates to keep.", place);
        }
    }

    private void WarnIfEmpty(SplitWriter split, string name, bool wanted, SourcePosition place)
    {
        if (wanted && split.Rows == 0)
        {
            Warn(Codes.EmptySplit, $"The {name} part has no rows.", "Raise its ratio or give it rows of its own.", place);
        }
    }

    private static string Rows(int count) => count == 1 ? "row" : "rows";

    private void Warn(DiagnosticCode code, string message, string remedy, SourcePosition place) => events.Report(new Diagnostic(code, message, remedy, place, Severity.Warning));
}
