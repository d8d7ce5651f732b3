using System.Text.Json.Nodes;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Tokenizers;

public class TokenizerTests
{
    [Fact]
    public void The_merge_with_the_smallest_rank_comes_first_and_of_equals_the_leftmost()
    {
        Tokenizer tokenizer = SmallTokenizers.Read(SmallTokenizers.ByteLevel("b c", "a b", "a a", "aa bc"));
        Assert.Equal("a|bc", tokenizer.Spell("abc"));
        Assert.Equal("aa|a", tokenizer.Spell("aaa"));
        Assert.Equal("aabc", tokenizer.Spell("aabc"));
    }

    [Fact]
    public void A_long_piece_is_merged_as_a_short_one()
    {
        Tokenizer tokenizer = SmallTokenizers.Read(SmallTokenizers.ByteLevel("a a", "aa aa", "aaaa aaaa", "b a"));
        Assert.Equal(string.Join('|', Enumerable.Repeat("aaaaaaaa", 5)) + "|aa|a", tokenizer.Spell(new string('a', 43)));
        Assert.Equal(string.Join('|', Enumerable.Repeat("aaaaaaaa", 500)) + "|aa|a", tokenizer.Spell(new string('a', 4003)));
    }

    [Fact]
    public void A_megabyte_of_one_letter_is_one_piece_and_no_trouble()
    {
        Tokenizer tokenizer = SmallTokenizers.Read(SmallTokenizers.ByteLevel("a a", "aa aa", "aaaa aaaa"));
        int[] ids = tokenizer.EncodeIds(new string('a', 1 << 20));
        Assert.Equal((1 << 20) / 8, ids.Length);
        Assert.Equal(1 << 20, tokenizer.Decode(ids, skipSpecialTokens: false).Length);
    }

    [Fact]
    public void A_long_word_of_many_pairs_is_merged_as_its_rule_says()
    {
        string[] merges = ["b c", "a b", "c a", "ab c", "bc a", "a a", "aa bc", "b b", "bb c"];
        Tokenizer tokenizer = SmallTokenizers.Read(SmallTokenizers.ByteLevel(merges));
        var random = new Random(3);
        for (int round = 0; round < 200; round++)
        {
            string text = new([.. Enumerable.Range(0, 49 + random.Next(60)).Select(_ => "abc"[random.Next(3)])]);
            Assert.Equal(ByRule(text, merges), tokenizer.Spell(text));
        }
    }

    [Theory]
    [InlineData("", "</w>", "a|b|ab|a</w>|b</w>|ab</w>|abab</w>", "a b|ab ab</w>|a b</w>", "abab|ab|ba a", "abab</w>|ab</w>|b|a</w>|a</w>")]
    [InlineData("##", "", "a|b|##a|##b|ab|##ab|abab", "##a ##b|a ##b|ab ##ab", "abab|ab|ba a", "abab|ab|b|##a|a")]
    public void Affixes_say_where_in_a_word_a_symbol_stands(string prefix, string suffix, string vocabulary, string merges, string text, string expected)
    {
        var json = new JsonObject
        {
            ["pre_tokenizer"] = JsonNode.Parse("""{ "type": "Split", "pattern": { "Regex": "[a-z]+" }, "behavior": "Removed", "invert": true }"""),
            ["decoder"] = new JsonObject { ["type"] = "BPEDecoder", ["suffix"] = suffix },
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["continuing_subword_prefix"] = prefix,
                ["end_of_word_suffix"] = suffix,
                ["vocab"] = new JsonObject(vocabulary.Split('|').Select((token, id) => KeyValuePair.Create(token, (JsonNode?)id))),
                ["merges"] = new JsonArray([.. merges.Split('|').Select(merge => (JsonNode)merge)]),
            },
        };
        Tokenizer tokenizer = SmallTokenizers.Read(json);
        Assert.Equal(expected, tokenizer.Spell(text));
        if (suffix.Length > 0)
        {
            Assert.Equal(text.Replace('|', ' '), tokenizer.Decode(tokenizer.EncodeIds(text), skipSpecialTokens: false));
        }
    }

    [Fact]
    public void Words_cut_before_their_marks_are_spelt_as_the_whole_text()
    {
        using var folder = new TemporaryFolder();
        string[] pieces = ["▁", "a", "b", "ab", "▁a", "▁▁", "▁▁a", "ba"];
        File.WriteAllBytes(folder["tokenizer.model"], SmallModels.Bpe(pieces));
        Tokenizer cut = TokenizerFiles.FromFolder(folder.Path);
        JsonNode whole = JsonNode.Parse(cut.Definition.Span)!;

        // A token that no merge makes, but that reaches over a mark, keeps texts whole.
        whole["model"]!["vocab"]!["z▁z"] = 20;
        Tokenizer uncut = SmallTokenizers.Read(whole);
        var random = new Random(4);
        for (int round = 0; round < 300; round++)
        {
            string text = new([.. Enumerable.Range(0, random.Next(1, 80)).Select(_ => "ab c▁"[random.Next(5)])]);
            Assert.Equal(uncut.Encode(text).Ids, cut.Encode(text).Ids);
            Assert.Equal(uncut.Encode(text).Offsets, cut.Encode(text).Offsets);
        }
    }

    [Fact]
    public void Texts_after_one_another_do_not_disturb_each_other()
    {
        Tokenizer tokenizer = SmallTokenizers.Read(SmallTokenizers.ByteLevel("a b"));
        TokenizedText first = tokenizer.Encode("ab ab");
        (int[] ids, TextSpan[] offsets) = ([.. first.Ids], [.. first.Offsets]);
        tokenizer.EncodeIds(new string('x', 400_000));
        tokenizer.Encode("b");
        Assert.Equal(ids, first.Ids);
        Assert.Equal(offsets, first.Offsets);
        Assert.Equal(ids, tokenizer.EncodeIds("ab ab"));
    }

    [Fact]
    public void Lone_surrogates_are_read_as_replacement_characters()
    {
        Tokenizer tokenizer = TokenizerGoldens.Tokenizer(TokenizerGoldens.Local, "smollm2");
        Assert.Equal(tokenizer.EncodeIds("a\uFFFDb\uFFFD"), tokenizer.EncodeIds("a\uD800b\uDC00"));
    }

    [Fact]
    public void Added_tokens_obey_their_flags()
    {
        JsonObject json = SmallTokenizers.ByteLevel();
        json["added_tokens"] = new JsonArray(
            SmallTokenizers.Added(100, "<s>"),
            SmallTokenizers.Added(101, "<l>", special: true, "lstrip"),
            SmallTokenizers.Added(102, "<r>", special: true, "rstrip"),
            SmallTokenizers.Added(103, "word", special: false, "single_word"),
            SmallTokenizers.Added(104, "<s><s>"));
        Tokenizer tokenizer = SmallTokenizers.Read(json);
        Assert.Equal("a|<s>|Ġ|b", tokenizer.Spell("a<s> b"));
        Assert.Equal("a|<l>|Ġ|b", tokenizer.Spell("a  <l> b"));
        Assert.Equal("a|Ġ|<r>|b", tokenizer.Spell("a <r>  b"));
        Assert.Equal("word|.|w|o|r|d|s", tokenizer.Spell("word.words"));
        Assert.Equal("<s><s>|<s>", tokenizer.Spell("<s><s><s>"));
        Assert.Equal("a", tokenizer.Decode(tokenizer.EncodeIds("<s>a<r>"), skipSpecialTokens: true));
    }

    [Fact]
    public void Ids_without_a_token_are_left_out_of_the_text()
    {
        Tokenizer tokenizer = SmallTokenizers.Read(SmallTokenizers.ByteLevel());
        Assert.Equal("AB", tokenizer.Decode([32, -1, 33, 95, int.MaxValue], skipSpecialTokens: false));
        Assert.Null(tokenizer.IdToToken(-1));
        Assert.Null(tokenizer.TokenToId("no such token"));
    }

    [Fact]
    public void A_stream_gives_the_rest_when_it_is_flushed()
    {
        Tokenizer tokenizer = TokenizerGoldens.Tokenizer(TokenizerGoldens.Local, "smollm2");
        int[] ids = tokenizer.EncodeIds("한");
        StreamingDecoder stream = tokenizer.CreateStream();
        Assert.Equal("", stream.Append(ids[0]));
        Assert.Equal("\uFFFD", stream.Flush());
        Assert.Equal("한", string.Concat(ids.Select(stream.Append)) + stream.Flush());
    }

    [Fact]
    public void Several_threads_get_the_same_ids()
    {
        Tokenizer tokenizer = TokenizerGoldens.Tokenizer(TokenizerGoldens.Local, "smollm2");
        string[] texts = [.. TokenizerGoldens.Texts.Values];
        int[][] expected = Array.ConvertAll(texts, text => tokenizer.EncodeIds(text));
        Parallel.For(0, texts.Length * 4, i => Assert.Equal(expected[i % texts.Length], tokenizer.EncodeIds(texts[i % texts.Length])));
    }

    [Fact]
    public void The_fingerprint_changes_with_a_merge_and_not_with_the_place_of_the_file()
    {
        string first = SmallTokenizers.Read(SmallTokenizers.ByteLevel("a b")).Fingerprint;
        Assert.Equal(first, SmallTokenizers.Read(SmallTokenizers.ByteLevel("a b")).Fingerprint);
        Assert.NotEqual(first, SmallTokenizers.Read(SmallTokenizers.ByteLevel("b a")).Fingerprint);
        Assert.Equal(64, first.Length);
    }

    [SharedFact("models/SmolLM2-135M-Instruct.Q4_1.gguf")]
    public void A_gguf_file_declares_its_special_tokens_and_template()
    {
        using var file = GgufFile.Open(Paths.SmolLm2);
        Tokenizer tokenizer = TokenizerFiles.FromGguf(file);
        Assert.Equal(new SpecialToken("<|im_start|>", 1), tokenizer.Special.BosToken);
        Assert.Equal(new SpecialToken("<|im_end|>", 2), tokenizer.Special.EosToken);
        Assert.False(tokenizer.Special.AddBosToken);
        Assert.Contains(2, tokenizer.EndOfGenerationIds);
        Assert.Equal(49152, tokenizer.VocabularySize);
        Assert.Contains("<|im_start|>", tokenizer.ChatTemplate, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_beside_tokenizer_json_declare_special_tokens_and_template()
    {
        using var folder = new TemporaryFolder();
        JsonObject json = SmallTokenizers.ByteLevel();
        json["added_tokens"] = new JsonArray(SmallTokenizers.Added(95, "<s>"), SmallTokenizers.Added(96, "</s>"), SmallTokenizers.Added(97, "<|eot_id|>"));
        json["post_processor"] = JsonNode.Parse("""
            { "type": "TemplateProcessing", "single": [{ "SpecialToken": { "id": "<s>", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } }],
              "special_tokens": { "<s>": { "id": "<s>", "ids": [95], "tokens": ["<s>"] } } }
            """);
        folder.Write("tokenizer.json", json.ToJsonString());
        folder.Write("tokenizer_config.json", """{ "bos_token": { "content": "<s>" }, "chat_template": [{ "name": "tool_use", "template": "x" }, { "name": "default", "template": "y" }] }""");
        folder.Write("special_tokens_map.json", """{ "eos_token": "</s>", "bos_token": "!" }""");
        folder.Write("generation_config.json", """{ "eos_token_id": [96, 3] }""");
        Tokenizer tokenizer = TokenizerFiles.FromFolder(folder.Path);
        Assert.Equal(new SpecialTokens(new SpecialToken("<s>", 95), new SpecialToken("</s>", 96), AddBosToken: true), tokenizer.Special);
        Assert.Equal([3, 96, 97], tokenizer.EndOfGenerationIds);
        Assert.Equal("y", tokenizer.ChatTemplate);
        folder.Write("chat_template.jinja", "z");
        Assert.Equal("z", TokenizerFiles.FromFolder(folder.Path).ChatTemplate);
    }

    /// <summary>The rule of byte pair encoding as it is written down: again and again the pair with the smallest rank, the leftmost first.</summary>
    private static string ByRule(string text, string[] merges)
    {
        List<string> tokens = [.. text.Select(letter => letter.ToString())];
        while (true)
        {
            (int Rank, int At) best = (int.MaxValue, 0);
            for (int i = 0; i + 1 < tokens.Count; i++)
            {
                int rank = Array.IndexOf(merges, $"{tokens[i]} {tokens[i + 1]}");
                best = rank >= 0 && rank < best.Rank ? (rank, i) : best;
            }

            if (best.Rank == int.MaxValue)
            {
                return string.Join('|', tokens);
            }

            tokens[best.At] += tokens[best.At + 1];
            tokens.RemoveAt(best.At + 1);
        }
    }
}
