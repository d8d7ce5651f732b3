using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Tokenizers;

/// <summary>Vocabularies of SentencePiece: tokenizer.model files and GGUF files of the kind llama.</summary>
public class SentencePieceTests
{
    private static readonly string Models = Path.Combine(Paths.Shared, "goldens", "formats", "gguf_models");

    [SharedFact("goldens/text/tokenizers")]
    public void A_model_file_equals_the_reference_library_s_conversion_of_it()
    {
        using var folder = new TemporaryFolder();
        Tokenizer tokenizer = FromModelAlone(folder, Path.Combine(TokenizerGoldens.Shared, "tokenizers", "spm_bpe"));
        List<string> differences = TokenizerGoldens.Open(TokenizerGoldens.Shared, "spm_bpe").Differences(tokenizer);
        Assert.True(differences.Count == 0, string.Join('\n', differences.Take(8)));
    }

    /// <summary>
    /// SentencePiece takes control symbols in a text for ordinary text, and writes unknown pieces as " ⁇ ". In a Unigram tokenizer.json control
    /// symbols are pieces like others, so texts with special tokens (sp_…) are left out there.
    /// </summary>
    [SharedTheory("goldens/text/tokenizers")]
    [InlineData("spm_bpe", true)]
    [InlineData("spm_unigram", false)]
    [InlineData("spm_unigram_bytes", false)]
    public void A_model_file_spells_as_SentencePiece_does(string name, bool alsoSpecial)
    {
        using var folder = new TemporaryFolder();
        Tokenizer tokenizer = FromModelAlone(folder, Path.Combine(TokenizerGoldens.Shared, "tokenizers", name));
        JsonElement golden = TokenizerGoldens.Json(Path.Combine(TokenizerGoldens.Shared, "tokens", "sentencepiece.json.gz")).GetProperty("models").GetProperty(name);
        var differences = new List<string>();
        foreach (JsonElement test in golden.GetProperty("cases").EnumerateArray())
        {
            string text = test.GetProperty("text").GetString()!;
            if (!alsoSpecial && text.StartsWith("sp_", StringComparison.Ordinal))
            {
                continue;
            }

            int[] expected = [.. test.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            int[] actual = tokenizer.EncodeIds(TokenizerGoldens.Texts[text], addSpecialTokens: false, specialTokensAsText: true);
            string decoded = tokenizer.Decode(expected, skipSpecialTokens: false);
            if (!expected.SequenceEqual(actual) || (!expected.Contains(0) && decoded != test.GetProperty("decoded").GetString()))
            {
                differences.Add($"{text}: expected {string.Join(',', expected)} got {string.Join(',', actual)}, {JsonSerializer.Serialize(decoded)}");
            }
        }

        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    [SharedTheory("goldens/formats/gguf_models")]
    [InlineData("tiny-llama2-spm", "convert.F16.gguf")]
    [InlineData("tiny-gemma3", "convert.BF16.gguf")]
    public void A_gguf_vocabulary_is_the_tokenizer_that_it_was_made_from(string name, string file)
    {
        using GgufFile gguf = GgufFile.Open(Path.Combine(Models, name, file));
        AssertSame(TokenizerFiles.FromFolder(Path.Combine(Models, name, name)), TokenizerFiles.FromGguf(gguf));
    }

    [SharedTheory("goldens/formats/gguf_models")]
    [InlineData("tiny-llama2-spm")]
    [InlineData("tiny-gemma2")]
    [InlineData("tiny-gemma3")]
    [InlineData("tiny-phithree")]
    public void A_model_file_has_the_merges_of_the_tokenizer_json_beside_it(string name)
    {
        using var folder = new TemporaryFolder();
        Tokenizer stored = TokenizerFiles.FromFolder(Path.Combine(Models, name, name));
        Tokenizer read = FromModelAlone(folder, Path.Combine(Models, name, name));
        Assert.Equal(Merges(stored), Merges(read));
        AssertSame(stored, read);
    }

    [Fact]
    public void Tokens_beside_a_model_file_keep_their_flags()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["tokenizer.model"], SmallModels.Bpe("▁", "a", "b", "ab", "▁ab"));
        folder.Write("added_tokens.json", """{ "<x>": 8 }""");
        folder.Write("tokenizer_config.json", """
            { "legacy": false, "bos_token": "<s>", "add_eos_token": true, "added_tokens_decoder": { "9": { "content": "<|end|>", "special": true, "rstrip": true } } }
            """);
        Tokenizer tokenizer = TokenizerFiles.FromFolder(folder.Path);
        Assert.Equal("<s>|▁ab|<|end|>|ab|<x>|ab|</s>", tokenizer.Spell("ab<|end|>  ab<x>ab"));
        Assert.Equal((8, 9), (tokenizer.TokenToId("<x>"), tokenizer.TokenToId("<|end|>")));
        Assert.Equal(new SpecialTokens(new SpecialToken("<s>", 1), new SpecialToken("</s>", 2), new SpecialToken("<unk>", 0), null, true, true), tokenizer.Special);
        Assert.Equal("ab<x>", tokenizer.Decode(tokenizer.EncodeIds("ab<x>"), skipSpecialTokens: true));
    }

    [Fact]
    public void Extra_spaces_go_where_the_model_says_so()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["tokenizer.model"], SmallModels.Bpe(removesSpaces: true, "▁", "a", "b"));
        Assert.Equal("<s>|▁|a|▁|b", TokenizerFiles.FromFolder(folder.Path).Spell("  a   b "));
    }

    [Theory]
    [InlineData(3, "FT0202")]
    [InlineData(2, null)]
    public void A_model_of_whole_words_is_FT0202(int kind, string? code)
    {
        Exception? problem = Record.Exception(() => SentencePieceModel.Read(SmallModels.Make(kind, removesSpaces: false, ["▁", "a"]), "tokenizer.model"));
        Assert.Equal(code, (problem as FineTuneException)?.Diagnostic.Code.Id);
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 0x0A })]
    [InlineData(new byte[] { 0x0A, 0x05, 0x0A, 0x01 })]
    [InlineData(new byte[] { 0x0A, 0x03, 0x0A, 0x01, 0xFF })]
    [InlineData(new byte[] { 0x0A, 0x00 })]
    [InlineData(new byte[] { 0x08, 0x01 })]
    [InlineData(new byte[] { 0x0F })]
    [InlineData(new byte[] { 0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01 })]
    [InlineData(new byte[] { 0x0A, 0x08, 0x0A, 0x01, 0x61, 0x15, 0x00, 0x00, 0xC0, 0x7F })]
    public void A_malformed_model_is_FT0201(byte[] bytes) =>
        Assert.Equal(Codes.BadTokenizer, Assert.Throws<FineTuneException>(() => SentencePieceModel.Read(bytes, "tokenizer.model")).Diagnostic.Code);

    [Fact]
    public void A_vocabulary_with_absurdly_many_merges_is_FT0202()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["tokenizer.model"], SmallModels.Bpe([.. Enumerable.Range(1, 600).Select(length => new string('a', length))]));
        Assert.Equal(Codes.UnsupportedTokenizer, Assert.Throws<FineTuneException>(() => TokenizerFiles.FromFolder(folder.Path)).Diagnostic.Code);
    }

    private static Tokenizer FromModelAlone(TemporaryFolder folder, string source)
    {
        File.Copy(Path.Combine(source, "tokenizer.model"), folder["tokenizer.model"]);
        JsonObject config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(source, "tokenizer_config.json")))!.AsObject();

        // The stored tokenizer.json files put a space before every text, whatever the configurations say.
        config["legacy"] = true;
        folder.Write("tokenizer_config.json", config.ToJsonString());
        return TokenizerFiles.FromFolder(folder.Path);
    }

    private static void AssertSame(Tokenizer expected, Tokenizer actual)
    {
        Assert.Equal(expected.VocabularySize, actual.VocabularySize);
        Assert.Equal(expected.Special.BosToken, actual.Special.BosToken);
        Assert.Equal(expected.Special.EosToken, actual.Special.EosToken);
        Assert.Equal(expected.Special.AddBosToken, actual.Special.AddBosToken);
        foreach ((string name, string text) in TokenizerGoldens.Texts)
        {
            int[] ids = expected.EncodeIds(text);
            Assert.Equal((name, string.Join(',', ids)), (name, string.Join(',', actual.EncodeIds(text))));
            Assert.Equal((name, expected.Decode(ids, skipSpecialTokens: true)), (name, actual.Decode(ids, skipSpecialTokens: true)));
        }
    }

    private static string Merges(Tokenizer tokenizer) =>
        string.Join('\n', JsonNode.Parse(tokenizer.Definition.Span)!["model"]!["merges"]!.AsArray().Select(merge => string.Join(' ', merge!.AsArray().Select(half => (string?)half))));
}
