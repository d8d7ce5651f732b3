using System.Text;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tests.Formats;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Tokenizers;

/// <summary>Damaged files: each ends in a refusal or in a tokenizer that works, without large allocations.</summary>
public class TokenizerMutationTests
{
    private const int Count = 10_000;

    private const string Text = "ab abc <s> e\u0301\u1109\u1161  한 \uFFFF😀\t'll 12a\n";

    [Fact]
    public void Damaged_tokenizer_json_files_are_refused_or_read() =>
        Mutations.Run([.. Definitions().Select(Encoding.UTF8.GetBytes)], Count, path =>
            Use(TokenizerJson.Read(File.ReadAllBytes(path), path, new TokenizerDeclarations("<s>", "a"))));

    [Fact]
    public void Damaged_tokenizer_model_files_are_refused_or_read()
    {
        using TemporaryFolder folder = TemporaryFolder.InMemory();
        byte[][] seeds = [SmallModels.Bpe("▁", "a", "b", "ab", "▁ab", "<0x41>"), SmallModels.Unigram("▁", "▁a", "b", "c", "bc"), SmallModels.Bpe(removesSpaces: true, "▁", "한", "😀")];
        Mutations.Run(seeds, Count, path =>
        {
            File.Copy(path, folder["tokenizer.model"], overwrite: true);
            Use(TokenizerFiles.FromFolder(folder.Path));
        });
    }

    [Fact]
    public void Damaged_gguf_vocabularies_are_refused_or_read()
    {
        using var folder = new TemporaryFolder();
        Mutations.Run([Gguf(folder["a"], "gpt2"), Gguf(folder["b"], "llama")], Count, path =>
        {
            using GgufFile file = GgufFile.Open(path);
            Use(TokenizerFiles.FromGguf(file));
        });
    }

    private static void Use(Tokenizer tokenizer)
    {
        TokenizedText encoded = tokenizer.Encode(Text);
        Assert.Equal(encoded.Ids.Length, encoded.Offsets.Length);
        Assert.All(encoded.Offsets, span => Assert.InRange(span.End, span.Start, Text.Length));
        Assert.Equal(encoded.Ids, tokenizer.EncodeIds(Text));
        tokenizer.Decode(encoded.Ids, skipSpecialTokens: true);
        StreamingDecoder stream = tokenizer.CreateStream();
        foreach (int id in encoded.Ids)
        {
            stream.Append(id);
        }

        stream.Flush();
    }

    private static IEnumerable<string> Definitions()
    {
        JsonObject json = SmallTokenizers.ByteLevel("a b", "ab c");
        json["added_tokens"] = new JsonArray(SmallTokenizers.Added(97, "<s>", special: true, "lstrip", "rstrip"));
        json["normalizer"] = JsonNode.Parse("""{ "type": "Sequence", "normalizers": [{ "type": "NFC" }, { "type": "Replace", "pattern": { "Regex": "a|b+" }, "content": "c" }] }""");
        json["post_processor"] = JsonNode.Parse("""{ "type": "RobertaProcessing", "sep": ["b", 2], "cls": ["a", 0], "trim_offsets": true, "add_prefix_space": true }""");
        yield return json.ToJsonString();
        yield return """
            { "normalizer": { "type": "Sequence", "normalizers": [{ "type": "Precompiled", "precompiled_charsmap": "DAAAAACAAQBhDQAAAAAAgGIA" }, { "type": "Nmt" }, { "type": "Strip" }] },
              "pre_tokenizer": { "type": "Metaspace", "replacement": "▁", "prepend_scheme": "first" },
              "post_processor": { "type": "TemplateProcessing", "single": [{ "SpecialToken": { "id": "<s>" } }, { "Sequence": { "id": "A" } }], "special_tokens": { "<s>": { "ids": [1] } } },
              "decoder": { "type": "Sequence", "decoders": [{ "type": "ByteFallback" }, { "type": "Metaspace", "replacement": "▁", "prepend_scheme": "first" }, { "type": "Strip", "content": " ", "start": 1, "stop": 0 }] },
              "model": { "type": "Unigram", "unk_id": 0, "byte_fallback": true, "vocab": [["<unk>", 0], ["<s>", 0], ["▁", -1.5], ["a", -2], ["▁ab", -2.5], ["bc", -3], ["<0x41>", 0]] } }
            """;
        yield return """
            { "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true },
              "pre_tokenizer": { "type": "Sequence", "pretokenizers": [{ "type": "BertPreTokenizer" }, { "type": "Digits", "individual_digits": true }, { "type": "Split", "pattern": { "Regex": "\\p{L}+" }, "behavior": "MergedWithNext" }] },
              "post_processor": { "type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1] },
              "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
              "model": { "type": "WordPiece", "unk_token": "[UNK]", "vocab": { "[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "##b": 4, "##bc": 5, "e": 6 } } }
            """;
        yield return """
            { "added_tokens": [{ "id": 0, "content": "<unk>", "special": true }, { "id": 9, "content": "e", "single_word": true, "normalized": true }],
              "normalizer": { "type": "Sequence", "normalizers": [{ "type": "Prepend", "prepend": "▁" }, { "type": "Replace", "pattern": { "String": " " }, "content": "▁" }, { "type": "NFKD" }, { "type": "StripAccents" }] },
              "decoder": { "type": "Sequence", "decoders": [{ "type": "Replace", "pattern": { "String": "▁" }, "content": " " }, { "type": "ByteFallback" }, { "type": "Fuse" }] },
              "model": { "type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true, "ignore_merges": true,
                "vocab": { "<unk>": 0, "▁": 1, "a": 2, "b": 3, "ab": 4, "▁ab": 5, "<0xF0>": 6 }, "merges": [["a", "b"], ["▁", "ab"]] } }
            """;
    }

    private static byte[] Gguf(string path, string kind)
    {
        var metadata = new GgufMetadata(path);
        metadata.Add("general.architecture", "llama");
        metadata.Add("tokenizer.ggml.model", kind);
        metadata.Add("tokenizer.ggml.pre", kind == "llama" ? "default" : "smollm");
        metadata.Add("tokenizer.ggml.tokens", new[] { "<unk>", "<s>", "</s>", "a", "b", "ab", "▁", "<0x41>" });
        metadata.Add("tokenizer.ggml.scores", new[] { 0f, 0, 0, -1, -2, -3, -4, 0 });
        metadata.Add("tokenizer.ggml.token_type", new[] { 2, 3, 3, 1, 1, 1, 1, 6 });
        metadata.Add("tokenizer.ggml.merges", new[] { "a b" });
        metadata.Add("tokenizer.ggml.bos_token_id", 1u);
        metadata.Add("tokenizer.ggml.eos_token_id", 2u);
        metadata.Add("tokenizer.ggml.add_space_prefix", true);
        GgufWriter.Write(path, metadata, []);
        return File.ReadAllBytes(path);
    }
}
