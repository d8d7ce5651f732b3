using System.Buffers.Binary;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Tests.Batches;

public sealed class TokenizedDatasetTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("dataset").FullName;

    private string DatasetPath => Path.Combine(_folder, "train.tokens");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(37)]
    public void Rows_come_back_as_they_were_written(int rows)
    {
        TokenizedExample[] examples = Examples(rows);
        Write(examples);
        using TokenizedDataset dataset = TokenizedDataset.Open(DatasetPath);
        Assert.Equal(rows, dataset.Count);
        Assert.Equal(examples.Select(example => example.Ids), dataset.Select(example => example.Ids));
        Assert.Equal(examples.Select(example => example.Labels), dataset.Select(example => example.Labels));
        Assert.Equal(examples.Select(example => example.Ids.Length), dataset.Lengths);
        Assert.Equal(examples.Select(example => example.SupervisedTokens), Enumerable.Range(0, rows).Select(dataset.Supervised));
        Assert.Equal(examples.Sum(example => (long)example.SupervisedTokens), dataset.SupervisedTokens);
        Assert.Equal(examples.Sum(example => (long)example.Ids.Length), dataset.Tokens);
        Assert.Equal(examples.SelectMany(example => example.Ids).DefaultIfEmpty(-1).Max(), dataset.LargestId);
    }

    [Fact]
    public void A_writer_that_is_not_completed_leaves_nothing_behind()
    {
        using (var writer = new TokenizedDatasetWriter(DatasetPath))
        {
            writer.Add(Examples(1)[0]);
        }

        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_label_that_is_neither_its_id_nor_ignored_is_refused()
    {
        using var writer = new TokenizedDatasetWriter(DatasetPath);
        Assert.Throws<ArgumentException>(() => writer.Add(new TokenizedExample([1, 2], [1, 3])));
        Assert.Throws<ArgumentException>(() => writer.Add(new TokenizedExample([], [])));
    }

    [Fact]
    public void A_missing_file_is_FT0101()
    {
        Assert.Equal(Codes.DataFileMissing, Assert.Throws<FineTuneException>(() => TokenizedDataset.Open(DatasetPath)).Diagnostic.Code);
    }

    [Fact]
    public void Every_prefix_of_the_file_is_FT0107()
    {
        Write(Examples(3));
        byte[] bytes = File.ReadAllBytes(DatasetPath);
        for (int length = 0; length < bytes.Length; length++)
        {
            File.WriteAllBytes(DatasetPath, bytes[..length]);
            AssertMalformed();
        }
    }

    [Theory]
    [InlineData(8, 2)]
    [InlineData(16, long.MaxValue)]
    [InlineData(16, -1)]
    [InlineData(24, long.MaxValue / 4)]
    [InlineData(24, -8)]
    [InlineData(32, long.MinValue)]
    public void A_header_with_false_claims_is_FT0107(int offset, long value)
    {
        Write(Examples(3));
        byte[] bytes = File.ReadAllBytes(DatasetPath);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(offset), value);
        File.WriteAllBytes(DatasetPath, bytes);
        AssertMalformed();
    }

    [Fact]
    public void A_damaged_row_table_is_FT0107()
    {
        Write(Examples(3));
        byte[] bytes = File.ReadAllBytes(DatasetPath);
        int starts = bytes.Length - (4 * 8) - (3 * 4);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(starts + 8), 1L << 40);
        File.WriteAllBytes(DatasetPath, bytes);
        AssertMalformed();
    }

    [Fact]
    public void An_id_above_the_largest_of_the_header_is_FT0107()
    {
        Write(Examples(3));
        byte[] bytes = File.ReadAllBytes(DatasetPath);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(64), 1 << 30);
        File.WriteAllBytes(DatasetPath, bytes);
        using TokenizedDataset dataset = TokenizedDataset.Open(DatasetPath);
        Assert.Equal(Codes.BadTokenizedDataset, Assert.Throws<FineTuneException>(() => dataset[0]).Diagnostic.Code);
    }

    private static TokenizedExample[] Examples(int count) =>
        [.. Enumerable.Range(0, count).Select(row =>
        {
            int[] ids = [.. Enumerable.Range(0, 1 + (row * 5 % 13)).Select(i => (row * 31) + (i * 7))];
            return new TokenizedExample(ids, [.. ids.Select((id, i) => (row + i) % 3 == 0 ? TokenizedExample.Ignored : id)]);
        })];

    private void Write(TokenizedExample[] examples)
    {
        using var writer = new TokenizedDatasetWriter(DatasetPath);
        foreach (TokenizedExample example in examples)
        {
            writer.Add(example);
        }

        writer.Complete();
    }

    private void AssertMalformed() =>
        Assert.Equal(Codes.BadTokenizedDataset, Assert.Throws<FineTuneException>(() => TokenizedDataset.Open(DatasetPath)).Diagnostic.Code);
}
