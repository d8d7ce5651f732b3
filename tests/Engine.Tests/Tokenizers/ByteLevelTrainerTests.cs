using System.Text;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.Engine.Tokenizers.Learning;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Tokenizers;

public sealed class ByteLevelTrainerTests
{
    private const int Least = 259;

    private static readonly string[] Texts =
    [
        "The owl saw the moon. The moon saw the owl, and the owl's eyes were round!",
        "In 1984 they built 12 boats, 34 boats and 1234 kites.\n\n  \"Oh,\" said the fox.\t\"Again?\"",
        "부엉이가 달을 보았다. 달도 부엉이를 보았다. aaaa aaaaa baaaab 🦉🦉",
    ];

    [Fact]
    public void The_order_of_the_texts_does_not_count() =>
        Assert.Equal(Train(400, [.. Texts]).Definition.ToArray(), Train(400, [.. Texts.Reverse()]).Definition.ToArray());

    [Fact]
    public void Merges_are_those_of_the_rule_applied_pair_by_pair()
    {
        string[] texts = [.. Texts, .. Enumerable.Range(0, 30).Select(i => $"word{i} wording swords {i * 37} ababab abcabc bcab aaab{new string('a', i)}")];
        (byte[] Word, long Count)[] words = Words(texts);
        List<(int Left, int Right)> expected = SlowMerges(words, 300);
        Assert.True(expected.Count > 60);
        Assert.Equal(expected, new MergeLearner(words).Learn(300, CancellationToken.None));
    }

    [Fact]
    public void Of_equally_frequent_pairs_the_one_with_the_smaller_symbols_comes_first()
    {
        (byte[] Word, long Count)[] words = [("zy"u8.ToArray(), 3), ("by"u8.ToArray(), 3), ("bx"u8.ToArray(), 3)];
        Assert.Equal([('b', 'x'), ('b', 'y'), ('z', 'y')], new MergeLearner(words).Learn(9, CancellationToken.None).Select(merge => ((char)merge.Left, (char)merge.Right)));
    }

    [Fact]
    public void What_stands_once_is_no_merge() => Assert.Equal(Least, Train(1000, "once more").VocabularySize);

    [Fact]
    public void No_two_merges_make_the_same_bytes()
    {
        List<string> tokens = [.. Enumerable.Range(0, 256).Select(value => ((char)value).ToString())];
        foreach ((int left, int right) in new MergeLearner(Enumerable.Range(1, 60).Select(i => (Encoding.ASCII.GetBytes($"{new string('a', i)}b{new string('a', i % 7)}"), (long)i))).Learn(500, CancellationToken.None))
        {
            tokens.Add(tokens[left] + tokens[right]);
        }

        Assert.True(tokens.Count > 300);
        Assert.Distinct(tokens);
    }

    [Theory]
    [InlineData(Least)]
    [InlineData(300)]
    [InlineData(450)]
    public void Every_text_comes_back(int size)
    {
        Tokenizer tokenizer = Train(size, Texts);
        foreach (string text in (string[])[.. Texts, "Ünseen wörds 漢字 \0\u0007 \uFFFD 🏳️‍🌈 \r\n  \u00a0", ""])
        {
            Assert.Equal(text, tokenizer.Decode(tokenizer.EncodeIds(text), skipSpecialTokens: false));
        }
    }

    [Fact]
    public void Every_byte_has_a_token()
    {
        Tokenizer tokenizer = Train(Least, "x");
        Assert.Equal(256, Enumerable.Range(0, 0x800).SelectMany(point => tokenizer.EncodeIds(((char)point).ToString())).Concat(tokenizer.EncodeIds("ࠀ耀\uffff𐀀\U000C0000\U00100000"))
            .Concat(Enumerable.Range(ByteLevelTrainer.StandardSpecialTokens.Count, 256)).Distinct().Count());
    }

    [Fact]
    public void Special_tokens_have_the_first_ids_and_are_cut_out_of_texts()
    {
        var trainer = new ByteLevelTrainer(400, ["<|tool|>", "<|im_end|>"]);
        trainer.Add(string.Concat(Enumerable.Repeat("<|tool|>call<|im_end|>", 20)));
        Tokenizer tokenizer = trainer.Train();
        Assert.Equal(["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|tool|>"], Enumerable.Range(0, 4).Select(tokenizer.IdToToken));
        Assert.Equal([3, tokenizer.TokenToId("call")!.Value, 2], tokenizer.EncodeIds("<|tool|>call<|im_end|>"));
        Assert.Equal((2, 0), (tokenizer.Special.EosToken!.Id, tokenizer.Special.PadToken!.Id));
        Assert.Equal(Least + 1 + 3, tokenizer.VocabularySize);
    }

    [Fact]
    public void A_written_tokenizer_is_read_as_the_same_one()
    {
        using var folder = new TemporaryFolder();
        Tokenizer tokenizer = Train(400, Texts);
        TokenizerJson.Write(tokenizer, folder.Path);
        Tokenizer read = TokenizerFiles.FromFolder(folder.Path);
        Assert.Equal((tokenizer.Fingerprint, tokenizer.ChatTemplate), (read.Fingerprint, read.ChatTemplate));
        Assert.Equal(tokenizer.EndOfGenerationIds, read.EndOfGenerationIds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("the")]
    [InlineData("<>")]
    [InlineData("<|!|>")]
    [InlineData("<two words>")]
    [InlineData("<|a\n|>")]
    public void A_special_token_that_could_stand_in_a_text_is_refused(string token) =>
        Assert.Equal("FT0001", Assert.Throws<FineTuneException>(() => new ByteLevelTrainer(400, [token])).Diagnostic.Code.Id);

    [Theory]
    [InlineData(0)]
    [InlineData(Least - 1)]
    [InlineData(ByteLevelTrainer.MostTokens + 1)]
    public void A_vocabulary_that_is_too_small_or_too_large_is_refused(int size) =>
        Assert.Equal("FT0001", Assert.Throws<FineTuneException>(() => new ByteLevelTrainer(size, [])).Diagnostic.Code.Id);

    [Fact]
    public void A_word_of_a_megabyte_and_broken_Unicode_are_learnt_from()
    {
        Tokenizer tokenizer = Train(300, new string('a', 1 << 20) + "\ud800 x \udc00\ud800");
        Assert.NotNull(tokenizer.TokenToId(new string('a', 1024)));
    }

    [Fact]
    public void It_stops_when_it_is_told_to()
    {
        var trainer = new ByteLevelTrainer(400, []);
        Array.ForEach(Texts, trainer.Add);
        Assert.Throws<OperationCanceledException>(() => trainer.Train(new CancellationToken(canceled: true)));
    }

    private static Tokenizer Train(int size, params string[] texts)
    {
        var trainer = new ByteLevelTrainer(size, []);
        Array.ForEach(texts, trainer.Add);
        return trainer.Train();
    }

    private static (byte[] Word, long Count)[] Words(IEnumerable<string> texts)
    {
        var words = new WordCounts([]);
        foreach (string text in texts)
        {
            words.Add(text);
        }

        return [.. words.All()];
    }

    /// <summary>The rule as it is written down, on tokens as texts (a letter for a byte), with everything counted anew for every merge.</summary>
    private static List<(int Left, int Right)> SlowMerges((byte[] Word, long Count)[] words, int most)
    {
        var tokens = Enumerable.Range(0, 256).Select(value => ((char)value).ToString()).ToList();
        List<(List<string> Tokens, long Count)> split = [.. words.Select(word => (word.Word.Select(value => ((char)value).ToString()).ToList(), word.Count))];
        var merges = new List<(int Left, int Right)>();
        while (tokens.Count < 256 + most)
        {
            (string Left, string Right, long Count)[] pairs = [.. split
                .SelectMany(word => word.Tokens.Zip(word.Tokens.Skip(1), (left, right) => (left, right, word.Count)))
                .GroupBy(pair => (pair.left, pair.right)).Select(group => (group.Key.left, group.Key.right, group.Sum(pair => pair.Count)))
                .OrderByDescending(pair => pair.Item3).ThenBy(pair => tokens.IndexOf(pair.left)).ThenBy(pair => tokens.IndexOf(pair.right))];
            if (pairs.Length == 0 || pairs[0].Count < 2)
            {
                break;
            }

            (string first, string second, _) = pairs[0];
            string merged = first + second;
            merges.Add((tokens.IndexOf(first), tokens.IndexOf(second)));
            tokens.Add(merged);
            foreach ((List<string> word, _) in split)
            {
                for (int i = 0; i + 1 < word.Count; i++)
                {
                    if (word[i] == first && word[i + 1] == second)
                    {
                        word[i] = merged;
                        word.RemoveAt(i + 1);
                    }
                }
            }
        }

        return merges;
    }
}
