using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Batches;

/// <summary>The first rows of a tokenised data set as the model sees them, and how much there is in all.</summary>
/// <param name="MaxSeqLength">Tokens that a row may have.</param>
/// <param name="Rows">The rows to show.</param>
/// <param name="AllRows">Rows of the whole part, shown or not; likewise the counts that follow.</param>
public sealed record DatasetPreview(
    int MaxSeqLength, IReadOnlyList<PreviewRow> Rows, int AllRows, int AllDocuments, long AllTokens, long AllSupervisedTokens)
{
    /// <summary>Learnt tokens of all tokens, 0 … 1.</summary>
    public double SupervisedShare => AllTokens == 0 ? 0 : (double)AllSupervisedTokens / AllTokens;

    /// <summary>Packs as training does, in the order of the file, and spells the tokens of the first rows.</summary>
    /// <param name="count">Rows to show, where there are as many.</param>
    /// <exception cref="FineTuneException">FT0105: an example is longer than a row. FT0107: the data set is malformed.</exception>
    public static DatasetPreview Of(
        TokenizedDataset data, Tokenizer tokenizer, int maxSeqLength, bool packs, int count)
    {
        var sampler = new BatchSampler(data, new BatchSamplerSettings(maxSeqLength, MicroBatchSize: 1, packs, ShuffleData: false));
        var spelling = new TokenSpelling(tokenizer);
        List<PreviewRow> rows = [];
        for (int row = 0; row < Math.Min(count, sampler.RowsPerEpoch); row++)
        {
            int[] examples = sampler.Examples(epoch: 0, row);
            rows.Add(new PreviewRow(row + 1, Documents(sampler.Batch(data, epoch: 0, row), spelling, document => data.PlaceOf(examples[document]))));
        }

        return new DatasetPreview(maxSeqLength, rows, sampler.RowsPerEpoch, data.Count, data.Tokens, data.SupervisedTokens);
    }

    private static List<PreviewDocument> Documents(PackedBatch batch, TokenSpelling spelling, Func<int, SourcePosition> placeOf)
    {
        List<PreviewDocument> documents = [];
        for (int document = 0; document + 1 < batch.DocumentStarts.Length; document++)
        {
            int start = batch.DocumentStarts[document], length = batch.DocumentStarts[document + 1] - start;
            int[] ids = batch.Ids[start..(start + length)];
            int[] labels = [TokenizedExample.Ignored, .. batch.Targets.AsSpan(start, length - 1)];
            documents.Add(new PreviewDocument(placeOf(document) is { File: not null } place ? place : null, ids, labels, Pieces(ids, labels, spelling)));
        }

        return documents;
    }

    private static List<PreviewPiece> Pieces(int[] ids, int[] labels, TokenSpelling spelling)
    {
        List<PreviewPiece> pieces = [];
        for (int start = 0, end; start < ids.Length; start = end)
        {
            bool isSupervised = labels[start] != TokenizedExample.Ignored;
            for (end = start + 1; end < ids.Length && labels[end] != TokenizedExample.Ignored == isSupervised;)
            {
                end++;
            }

            int offset = start;
            pieces.AddRange(spelling.Pieces(ids.AsSpan(start, end - start)).Select(piece => new PreviewPiece(piece with { Start = piece.Start + offset }, isSupervised)));
        }

        return pieces;
    }
}
