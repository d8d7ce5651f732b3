using FineTuneTool.Engine.Tests.Tokenizers;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Fuzzing;

/// <summary>Damaged files around a sound vocabulary end in a tokenizer that works or in a diagnostic.</summary>
public class TokenizerFuzzTests
{
    private const string Text = "ab <s> 한 😀";

    [Theory]
    [InlineData("tokenizer_config.json", """
        {"add_bos_token": true, "add_eos_token": false, "legacy": false, "bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>", "unk_token": null,
         "added_tokens_decoder": {"1": {"content": "<s>", "special": true, "lstrip": false}, "9": {"content": "x", "normalized": true, "single_word": true, "rstrip": true}},
         "chat_template": [{"name": "default", "template": "{{ messages }}"}, {"name": "tool_use", "template": ""}], "model_max_length": 1e30}
        """)]
    [InlineData("special_tokens_map.json", """{"bos_token": "<s>", "eos_token": {"content": "</s>", "special": true}, "additional_special_tokens": ["a", {"content": "b"}]}""")]
    [InlineData("added_tokens.json", """{"<x>": 9, "<y>": 10, "한": 11}""")]
    [InlineData("generation_config.json", """{"eos_token_id": [2, 1], "bos_token_id": 1}""")]
    [InlineData("chat_template.json", """{"chat_template": "{{ messages[0].content }}"}""")]
    public void Damaged_files_beside_a_tokenizer_model_are_read_or_refused(string name, string seed)
    {
        using TemporaryFolder folder = TemporaryFolder.InMemory();
        folder.Write("tokenizer.model", SmallModels.Bpe("▁", "a", "b", "ab", "▁ab", "<0x41>"));
        string path = folder[name];
        new FuzzRun(System.Text.Encoding.UTF8.GetBytes(seed)) { IsText = true, AllowanceBytes = 2 << 20 }.Bytes(bytes =>
        {
            File.WriteAllBytes(path, bytes);
            Tokenizer tokenizer = TokenizerFiles.FromFolder(folder.Path);
            TokenizedText encoded = tokenizer.Encode(Text);
            Assert.Equal(encoded.Ids.Length, encoded.Offsets.Length);
            tokenizer.Decode(encoded.Ids, skipSpecialTokens: false);
        });
    }
}
