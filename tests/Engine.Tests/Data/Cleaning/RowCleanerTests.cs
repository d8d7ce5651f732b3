using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Data.Cleaning;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;

namespace FineTuneTool.Engine.Tests.Data.Cleaning;

public class RowCleanerTests
{
    private static readonly string[] Words =
        [.. "river stone lamp garden winter bridge copper letter window market silver forest engine shadow village pepper ladder mirror castle thunder".Split(' ')];

    private static readonly DataSource Rows = new("rows.jsonl", null, null, new Dictionary<string, string>(), 0, default);

    [Fact]
    public void A_row_is_a_duplicate_of_the_first_that_says_the_same()
    {
        RowCleaner cleaner = Cleaner(new CleaningSettings { DeduplicateData = true });
        Assert.Null(Judge(cleaner, Text(1), 1).DropReason);
        Assert.Null(Judge(cleaner, Text(2), 2).DropReason);
        RowVerdict verdict = Judge(cleaner, "  " + Text(1).Replace(" ", " \n"), 3);
        Assert.Equal((DropReason.Duplicate, new SourcePosition("rows.jsonl", 1)), (verdict.DropReason, verdict.Like));
    }

    [Theory]
    [InlineData(2, true)]
    [InlineData(30, false)]
    public void A_row_with_few_words_changed_is_a_near_duplicate(int changed, bool isLike)
    {
        RowCleaner cleaner = Cleaner(new CleaningSettings { NearDuplicates = NearDuplicates.Drop });
        for (int row = 1; row <= 50; row++)
        {
            Assert.Null(Judge(cleaner, Text(row), row).DropReason);
        }

        RowVerdict verdict = Judge(cleaner, Changed(Text(17), changed).ToUpperInvariant(), 51);
        Assert.Equal(isLike ? (DropReason.NearDuplicate, new SourcePosition("rows.jsonl", 17)) : (null, (SourcePosition?)null), (verdict.DropReason, verdict.Like));
    }

    [Fact]
    public void Near_duplicates_never_straddle_two_parts()
    {
        RowCleaner cleaner = Cleaner(new CleaningSettings(), validation: 0.3, test: 0.3);
        var sides = new HashSet<Split>();
        for (int row = 0; row < 60; row++)
        {
            RowVerdict first = Judge(cleaner, Text(row), (2 * row) + 1), second = Judge(cleaner, Changed(Text(row), 2), (2 * row) + 2);
            Assert.Equal((null, null, first.Split), (first.DropReason, second.DropReason, second.Split));
            sides.Add(first.Split);
        }

        Assert.Equal(3, sides.Count);
    }

    [Fact]
    public void Kept_near_duplicates_go_where_chance_puts_them()
    {
        RowCleaner cleaner = Cleaner(new CleaningSettings { NearDuplicates = NearDuplicates.Keep }, validation: 0.5);
        Assert.Contains(Enumerable.Range(0, 60), row => Judge(cleaner, Text(row), 1).Split != Judge(cleaner, Changed(Text(row), 2), 2).Split);
    }

    [Fact]
    public void A_training_row_that_repeats_a_row_of_a_test_file_is_left_out()
    {
        RowCleaner cleaner = Cleaner(new CleaningSettings());
        DataSource test = Rows with { Split = Split.Test };
        Assert.Equal(new RowVerdict(Split.Test, null, null), Judge(cleaner, Text(1), 1, test));
        Assert.Equal("also in the test part", Judge(cleaner, Text(1), 2).DropReason);
        Assert.Equal("also in the test part", Judge(cleaner, Changed(Text(1), 2), 3).DropReason);
        Assert.Equal(new RowVerdict(Split.Train, null, null), Judge(cleaner, Text(2), 4));
        Assert.Equal(new RowVerdict(Split.Test, null, null), Judge(cleaner, Text(1), 5, test));
    }

    [Fact]
    public void Rows_that_fill_in_one_form_are_not_near_duplicates()
    {
        string[] rows = [.. Enumerable.Range(0, 100).Select(i => $"Classify the sentiment of the following review as positive or negative and answer with one word only, please. Review: {Words[i % 20]} {Words[i / 5]} was bought {i * 7919 % 1000} times by {Words[(i * 3) % 20]}.")];
        var boilerplate = new Boilerplate();
        boilerplate.Learn([.. rows.Select(row => Shingles.Of([row], null).ToArray())]);
        RowCleaner cleaner = Cleaner(new CleaningSettings { NearDuplicates = NearDuplicates.Drop });
        Assert.All(rows, row => Assert.Null(cleaner.Judge(Rows, RowFacts.Of(new TextExample(row, default), new CleaningSettings(), boilerplate), default).DropReason));
    }

    [Theory]
    [InlineData("the cat sat on the mat", null)]
    [InlineData("   ", DropReason.Empty)]
    [InlineData("abc", DropReason.TooShort)]
    [InlineData("a text that is longer than it may be, by a few words", DropReason.TooLong)]
    [InlineData("12 %%%%%%%% --- ??? !!!", DropReason.FewLetters)]
    [InlineData("ababababababababababababababababababab", DropReason.Repetitive)]
    [InlineData("brok\uFFFDn \u0001 text \uE000 here", DropReason.Broken)]
    [InlineData("좋은 한국어 문장입니다.", null)]
    [InlineData("हिन्दी में एक वाक्य", null)]
    public void Rows_are_left_out_for_what_they_are(string text, string? reason)
    {
        var settings = new CleaningSettings { MinChars = 4, MaxChars = 40, MinLetterRatio = 0.5, MaxRepetitionRatio = 0.5, MaxBrokenRatio = 0.01 };
        Assert.Equal(reason, RowFacts.Of(new TextExample(text, default), settings, null).Fault);
    }

    [Theory]
    [InlineData("{\"instruction\": \"a\", \"output\": \" \"}", true)]
    [InlineData("{\"instruction\": \"\", \"output\": \"b\"}", true)]
    [InlineData("{\"instruction\": \"a\", \"output\": \"b\"}", false)]
    [InlineData("{\"prompt\": \"\", \"completion\": \"b\"}", false)]
    [InlineData("{\"prompt\": \"a\", \"completion\": \"\"}", true)]
    [InlineData("{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"\"}]}", true)]
    [InlineData("{\"messages\": [{\"role\": \"user\", \"content\": \"\"}, {\"role\": \"assistant\", \"content\": \"b\"}]}", true)]
    [InlineData("{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{}]}]}", false)]
    public void A_row_with_an_empty_field_is_left_out(string json, bool isEmpty)
    {
        var row = new RawRow(System.Text.Json.Nodes.JsonNode.Parse(json)!.AsObject(), "rows.jsonl", 1);
        Assert.Equal(isEmpty, ExampleContent.HasEmptyField(RowFormats.Detect(row).Read(row)));
    }

    [Fact]
    public void The_estimated_likeness_is_near_the_true_one()
    {
        for (int changed = 2; changed <= 30; changed += 7)
        {
            string other = Changed(Text(3), changed);
            HashSet<uint> a = [.. Shingles.Of([Text(3)], null)], b = [.. Shingles.Of([other], null)];
            double exact = (double)a.Intersect(b).Count() / a.Union(b).Count();
            uint[] first = MinHash.Signature([.. a])!, second = MinHash.Signature([.. b])!;
            Assert.InRange(first.Zip(second, (x, y) => x == y ? 1.0 / MinHash.Size : 0).Sum(), exact - 0.13, exact + 0.13);
        }
    }

    private static RowCleaner Cleaner(CleaningSettings settings, double validation = 0, double test = 0) =>
        new(settings, new DataSplitter(42, validation, test), straddles: true);

    private static RowVerdict Judge(RowCleaner cleaner, string text, int line, DataSource? source = null) =>
        cleaner.Judge(source ?? Rows, RowFacts.Of(new TextExample(text, default), new CleaningSettings(), new Boilerplate()), new SourcePosition("rows.jsonl", line));

    /// <summary>A hundred words in an order of its own.</summary>
    private static string Text(int seed)
    {
        var random = new Random(seed);
        return string.Join(' ', Enumerable.Range(0, 100).Select(_ => Words[random.Next(Words.Length)] + random.Next(10)));
    }

    private static string Changed(string text, int words)
    {
        string[] parts = text.Split(' ');
        for (int i = 0; i < words; i++)
        {
            parts[i * 100 / words] = "quartz" + i;
        }

        return string.Join(' ', parts);
    }
}
