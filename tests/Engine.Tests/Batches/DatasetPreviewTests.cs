using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tests.Tokenizers;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Batches;

public sealed class DatasetPreviewTests : IDisposable
{
    private static readonly Tokenizer SmolLm2 = TokenizerGoldens.Tokenizer(TokenizerGoldens.Local, "smollm2");
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Rows_are_packed_as_training_packs_them()
    {
        using TokenizedDataset data = Dataset([Example(7), Example(9), Example(3), Example(4), Example(5)]);
        DatasetPreview preview = DatasetPreview.Of(data, SmolLm2, maxSeqLength: 12, packs: true, count: 9);
        var sampler = new BatchSampler(data, new BatchSamplerSettings(12, 1, SamplePacking: true, ShuffleData: false));
        Assert.Equal(sampler.RowsPerEpoch, preview.Rows.Count);
        Assert.Equal(
            Enumerable.Range(0, sampler.RowsPerEpoch).Select(row => sampler.Examples(0, row).Select(example => data[example].Ids)),
            preview.Rows.Select(row => row.Documents.Select(document => document.Ids)));
        Assert.Contains(preview.Rows, row => row.Documents.Count > 1);
        Assert.Equal((sampler.RowsPerEpoch, 5, 28L, data.SupervisedTokens), (preview.AllRows, preview.AllDocuments, preview.AllTokens, preview.AllSupervisedTokens));
    }

    [Fact]
    public void Without_packing_an_example_is_a_row()
    {
        using TokenizedDataset data = Dataset([Example(3), Example(4), Example(5)]);
        DatasetPreview preview = DatasetPreview.Of(data, SmolLm2, maxSeqLength: 12, packs: false, count: 2);
        Assert.Equal([3, 4], preview.Rows.Select(row => row.Tokens));
        Assert.Equal((3, 2), (preview.AllRows, preview.Rows[1].Number));
    }

    [Fact]
    public void A_label_that_nothing_stands_before_is_not_shown_as_learnt()
    {
        using TokenizedDataset data = Dataset([new TokenizedExample([5, 6, 7], [5, -100, 7]), new TokenizedExample([8, 9], [8, 9])]);
        PreviewRow row = Assert.Single(DatasetPreview.Of(data, SmolLm2, maxSeqLength: 8, packs: true, count: 1).Rows);
        Assert.Equal([[-100, -100, 7], [-100, 9]], row.Documents.Select(document => document.Labels));
        Assert.Equal(data.SupervisedTokens, row.SupervisedTokens);
    }

    [Fact]
    public void A_character_that_is_half_learnt_is_two_pieces()
    {
        int[] ids = SmolLm2.EncodeIds("새");
        using TokenizedDataset data = Dataset([new TokenizedExample(ids, [-100, -100, ids[2]])]);
        PreviewDocument document = DatasetPreview.Of(data, SmolLm2, maxSeqLength: 8, packs: true, count: 1).Rows[0].Documents[0];
        Assert.Equal([(0, 2, false), (2, 1, true)], document.Pieces.Select(piece => (piece.Tokens.Start, piece.Tokens.Count, piece.IsSupervised)));
    }

    [Fact]
    public void Each_document_of_a_packed_row_says_where_it_came_from()
    {
        using TokenizedDataset data = Dataset([Example(7), Example(9), Example(3)], new("train.jsonl", 1), default, new("train.jsonl", 3));
        DatasetPreview preview = DatasetPreview.Of(data, SmolLm2, maxSeqLength: 12, packs: true, count: 2);
        Assert.Equal([[1], [null, 3]], preview.Rows.Select(row => row.Documents.Select(document => document.Source?.Line)));
    }

    private static TokenizedExample Example(int length) => new(
        [.. Enumerable.Range(500, length)], [.. Enumerable.Range(500, length).Select(id => id % 2 == 0 ? id : TokenizedExample.Ignored)]);

    private TokenizedDataset Dataset(TokenizedExample[] examples, params SourcePosition[] places)
    {
        using (var writer = new TokenizedDatasetWriter(_folder.File("a.tokens")))
        {
            for (int i = 0; i < examples.Length; i++)
            {
                writer.Add(examples[i], places.ElementAtOrDefault(i));
            }

            writer.Complete();
        }

        return TokenizedDataset.Open(_folder.File("a.tokens"));
    }
}
