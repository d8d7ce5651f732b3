using System.Text;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Tokenizers;

/// <summary>Files from strangers: whatever is wrong with them ends in FT0201 or FT0202.</summary>
public class MalformedTokenizerTests
{
    [Fact]
    public void A_folder_without_a_tokenizer_is_FT0201()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(Codes.BadTokenizer, Assert.Throws<FineTuneException>(() => TokenizerFiles.FromFolder(folder.Path)).Diagnostic.Code);
    }

    [Fact]
    public void What_is_not_json_is_FT0201_with_its_line()
    {
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer.json", "{\n  \"model\": oops\n}");
        Diagnostic diagnostic = Assert.Throws<FineTuneException>(() => TokenizerFiles.FromFolder(folder.Path)).Diagnostic;
        Assert.Equal((Codes.BadTokenizer, 2), (diagnostic.Code, diagnostic.Position.Line));
    }

    [Theory]
    [InlineData("model.vocab", "[]")]
    [InlineData("model.vocab", """{ "a": -1 }""")]
    [InlineData("model.vocab", """{ "a": 2000000000 }""")]
    [InlineData("model.vocab", """{ "\ud800": 1 }""")]
    [InlineData("model.merges", """["a"]""")]
    [InlineData("model.merges", """["a b c"]""")]
    [InlineData("model.merges", """[["a", 1]]""")]
    [InlineData("model.merges", """["a b"]""")]
    [InlineData("model.merges", "{}")]
    [InlineData("model.unk_token", "\"nothing\"")]
    [InlineData("model", "null")]
    [InlineData("added_tokens", "[{ \"id\": 2000000000, \"content\": \"<x>\" }]")]
    [InlineData("added_tokens", "[{ \"id\": 5 }]")]
    [InlineData("post_processor", """{ "type": "TemplateProcessing", "single": [] }""")]
    [InlineData("post_processor", """{ "type": "TemplateProcessing", "single": [{ "SpecialToken": { "id": "<none>" } }, { "Sequence": { "id": "A" } }] }""")]
    [InlineData("pre_tokenizer", """{ "type": "Split", "pattern": { "String": "a" }, "behavior": "3" }""")]
    [InlineData("pre_tokenizer", "[]")]
    [InlineData("decoder", """{ "type": "Strip", "content": "ab" }""")]
    [InlineData("normalizer", """{ "type": "Precompiled", "precompiled_charsmap": "?" }""")]
    [InlineData("normalizer", """{ "type": "Precompiled", "precompiled_charsmap": "" }""")]
    [InlineData("normalizer", """{ "type": "Precompiled", "precompiled_charsmap": "BAAAAP//" }""")]
    [InlineData("model", """{ "type": "Unigram", "vocab": {} }""")]
    [InlineData("model", """{ "type": "Unigram", "vocab": [["a"]] }""")]
    [InlineData("model", """{ "type": "Unigram", "vocab": [["a", 1e999]] }""")]
    [InlineData("model", """{ "type": "Unigram", "vocab": [["\ud800", 0]] }""")]
    [InlineData("model", """{ "type": "Unigram", "unk_id": 1, "vocab": [["a", 0]] }""")]
    [InlineData("model", """{ "type": "WordPiece", "vocab": {} }""")]
    public void A_malformed_part_is_FT0201(string path, string value)
    {
        JsonObject json = SmallTokenizers.ByteLevel();
        string[] names = path.Split('.');
        if (value.Contains("ud800", StringComparison.Ordinal))
        {
            string text = json.ToJsonString().Replace("\"vocab\":{", "\"vocab\":{\"\\ud800\":96,", StringComparison.Ordinal);
            AssertCode(Codes.BadTokenizer, () => TokenizerJson.Read(Encoding.UTF8.GetBytes(text), "tokenizer.json", new TokenizerDeclarations()));
            return;
        }

        JsonObject parent = names.Length == 1 ? json : json[names[0]]!.AsObject();
        parent[names[^1]] = JsonNode.Parse(value);
        if (path == "model.merges" && value.Contains("a b\"", StringComparison.Ordinal))
        {
            json["model"]!["vocab"]!.AsObject().Remove("b");
        }

        AssertCode(Codes.BadTokenizer, () => SmallTokenizers.Read(json));
    }

    [Theory]
    [InlineData("model", """{ "type": "WordLevel", "vocab": {} }""")]
    [InlineData("model", """{ "type": "BPE", "end_of_word_suffix": "</w>", "byte_fallback": true, "vocab": {}, "merges": [] }""")]
    [InlineData("pre_tokenizer", """{ "type": "Split", "pattern": { "Regex": "(a)\\1" }, "behavior": "Isolated" }""")]
    [InlineData("pre_tokenizer", """{ "type": "Split", "pattern": { "Regex": "(a*)*" }, "behavior": "Isolated" }""")]
    [InlineData("pre_tokenizer", """{ "type": "Split", "pattern": { "Regex": "((a{999}){999}){999}" }, "behavior": "Isolated" }""")]
    [InlineData("pre_tokenizer", """{ "type": "Split", "pattern": { "Regex": "\\p{Klingon}" }, "behavior": "Isolated" }""")]
    public void A_part_that_is_not_supported_is_FT0202(string name, string value)
    {
        JsonObject json = SmallTokenizers.ByteLevel();
        json[name] = JsonNode.Parse(value);
        AssertCode(Codes.UnsupportedTokenizer, () => SmallTokenizers.Read(json));
    }

    [Fact]
    public void A_pattern_that_goes_back_for_ever_is_FT0202()
    {
        JsonObject json = SmallTokenizers.ByteLevel();
        json["pre_tokenizer"] = JsonNode.Parse("""{ "type": "Split", "pattern": { "Regex": "(?:a+)+b" }, "behavior": "Isolated" }""");
        Tokenizer tokenizer = SmallTokenizers.Read(json);
        AssertCode(Codes.UnsupportedTokenizer, () => tokenizer.EncodeIds(new string('a', 60)));
    }

    [Theory]
    [InlineData("tokenizer.ggml.model", "llama", "FT0201")]
    [InlineData("tokenizer.ggml.model", "t5", "FT0202")]
    [InlineData("tokenizer.ggml.pre", "klingon", "FT0202")]
    [InlineData("tokenizer.ggml.model", null, "FT0201")]
    [InlineData("tokenizer.ggml.tokens", null, "FT0201")]
    [InlineData("tokenizer.ggml.merges", null, "FT0201")]
    [InlineData("tokenizer.ggml.token_type", new[] { 1 }, "FT0201")]
    [InlineData("tokenizer.ggml.bos_token_id", 9, "FT0201")]
    [InlineData("tokenizer.ggml.merges", new[] { "a c" }, "FT0201")]
    public void A_gguf_vocabulary_that_contradicts_itself_is_refused(string key, object? value, string code)
    {
        var values = new Dictionary<string, object>
        {
            ["tokenizer.ggml.model"] = "gpt2",
            ["tokenizer.ggml.pre"] = "smollm",
            ["tokenizer.ggml.tokens"] = new[] { "a", "b", "ab", "<e>" },
            ["tokenizer.ggml.token_type"] = new[] { 1, 1, 1, 3 },
            ["tokenizer.ggml.merges"] = new[] { "a b" },
            ["tokenizer.ggml.bos_token_id"] = 3u,
        };
        Assert.Equal("ab|<e>|a", TokenizerFiles.FromGguf(Metadata(values)).Spell("ab<e>a"));
        values.Remove(key);
        if (value is not null)
        {
            values[key] = value;
        }

        AssertCode(Codes.Find(code), () => TokenizerFiles.FromGguf(Metadata(values)));
    }

    private static GgufMetadata Metadata(Dictionary<string, object> values)
    {
        var metadata = new GgufMetadata("small.gguf");
        foreach ((string key, object value) in values)
        {
            metadata.Add(key, value);
        }

        return metadata;
    }

    private static void AssertCode(DiagnosticCode code, Action action) => Assert.Equal(code, Assert.Throws<FineTuneException>(action).Diagnostic.Code);
}
