using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Prompts;

namespace FineTuneTool.Engine.Tests.Data;

public class DataSplitterTests
{
    private static readonly DataSource Unmarked = new("a.jsonl", null, null, new Dictionary<string, string>(), 0, default);

    private static Example Row(int i) => new TextExample($"row {i}", default);

    private static List<Split> Splits(DataSplitter splitter, IEnumerable<int> rows) => [.. rows.Select(i => splitter.SplitOf(Unmarked, Row(i)))];

    [Fact]
    public void A_row_keeps_its_side_when_others_are_added_or_moved()
    {
        var splitter = new DataSplitter(42, 0.2, 0.1);
        List<Split> few = Splits(splitter, Enumerable.Range(0, 100));
        List<Split> many = Splits(new DataSplitter(42, 0.2, 0.1), Enumerable.Range(0, 1000).Reverse());
        many.Reverse();
        Assert.Equal(few, many.Take(100));
    }

    [Fact]
    public void The_parts_have_about_their_ratios()
    {
        List<Split> splits = Splits(new DataSplitter(1, 0.2, 0.1), Enumerable.Range(0, 10_000));
        Assert.InRange(splits.Count(split => split == Split.Validation), 1850, 2150);
        Assert.InRange(splits.Count(split => split == Split.Test), 880, 1120);
    }

    [Fact]
    public void Another_seed_cuts_elsewhere() => Assert.NotEqual(
        Splits(new DataSplitter(1, 0.5, 0), Enumerable.Range(0, 50)), Splits(new DataSplitter(2, 0.5, 0), Enumerable.Range(0, 50)));

    [Fact]
    public void Rows_that_differ_only_in_white_space_never_straddle_two_parts()
    {
        var splitter = new DataSplitter(42, 0.5, 0);
        Assert.All(Enumerable.Range(0, 50), i => Assert.Equal(
            splitter.SplitOf(Unmarked, Row(i)), splitter.SplitOf(Unmarked, new TextExample($" row\n{i} ", default))));
    }

    [Fact]
    public void A_marked_source_keeps_its_mark_and_switches_the_ratio_off()
    {
        DataSource marked = Unmarked with { Split = Split.Validation };
        var splitter = DataSplitter.For([Unmarked, marked], 42, 0.5, 0);
        Assert.All(Enumerable.Range(0, 50), i => Assert.Equal(Split.Train, splitter.SplitOf(Unmarked, Row(i))));
        Assert.Equal(Split.Validation, splitter.SplitOf(marked, Row(1)));
    }
}
