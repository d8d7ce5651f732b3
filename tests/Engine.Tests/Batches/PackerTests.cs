using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Tests.Batches;

public class PackerTests
{
    [Theory]
    [InlineData("text_no_max", "text_pack_bfd64", 64)]
    [InlineData("text_no_max", "text_pack_bfd32", 32)]
    [InlineData("pc_default", "pc_pack_bfd96", 96)]
    [InlineData("conv_assistant_only", "conv_assistant_only_pack_bfd128", 128)]
    public void Packed_rows_equal_those_of_the_reference(string unpacked, string packed, int maxLength)
    {
        int[][] examples = [.. DatasetGoldens.Case(unpacked).Rows.Select(row => row.Ids[..Math.Min(maxLength, row.Ids.Length)])];
        int[][] rows = Packer.BestFitDecreasing([.. examples.Select(ids => ids.Length)], maxLength);
        DatasetGoldens.Row[] expected = DatasetGoldens.Case(packed).Rows;
        Assert.Equal(expected.Select(row => row.Ids), rows.Select(row => row.SelectMany(i => examples[i]).ToArray()));
        Assert.Equal(expected.Select(row => row.SequenceLengths), rows.Select(row => row.Select(i => examples[i].Length).ToArray()));
    }

    [Fact]
    public void Every_example_is_in_one_row_and_no_row_is_too_long()
    {
        int[] lengths = [.. Enumerable.Range(0, 500).Select(i => 1 + (i * 7919 % 200))];
        int[][] rows = Packer.BestFitDecreasing(lengths, 200);
        Assert.Equal(Enumerable.Range(0, 500), rows.SelectMany(row => row).Order());
        Assert.All(rows, row => Assert.InRange(row.Sum(i => lengths[i]), 1, 200));
        Assert.InRange(rows.Length, (lengths.Sum() + 199) / 200, 1 + (lengths.Sum() / 190));
    }

    [Fact]
    public void An_example_longer_than_a_row_is_FT0105()
    {
        var exception = Assert.Throws<FineTuneException>(() => Packer.BestFitDecreasing([3, 9], 8));
        Assert.Equal(Codes.RowTooLong, exception.Diagnostic.Code);
    }
}
