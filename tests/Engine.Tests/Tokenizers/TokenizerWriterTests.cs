using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Tokenizers;

public class TokenizerWriterTests
{
    [SharedFact("models/SmolLM2-135M-Instruct.Q4_1.gguf")]
    public void A_gguf_vocabulary_written_as_files_and_read_again_is_the_same_tokenizer()
    {
        using var file = GgufFile.Open(Paths.SmolLm2);
        Tokenizer original = TokenizerFiles.FromGguf(file);
        using var folder = new TemporaryFolder();
        TokenizerJson.Write(original, folder.Path);
        Tokenizer read = TokenizerFiles.FromFolder(folder.Path);
        Assert.Equal(original.Special, read.Special);
        Assert.Equal(original.ChatTemplate, read.ChatTemplate);
        Assert.Equal(original.AddedTokens, read.AddedTokens);
        Assert.Equal(original.EndOfGenerationIds, read.EndOfGenerationIds);
        Assert.Equal(original.Fingerprint, read.Fingerprint);
        Assert.Empty(TokenizerGoldens.Open(TokenizerGoldens.Local, "smollm2").Differences(read));
    }

    [Fact]
    public void Writing_what_was_read_keeps_every_byte_of_the_definition()
    {
        Tokenizer original = TokenizerGoldens.Tokenizer(TokenizerGoldens.Local, "smollm2");
        using var folder = new TemporaryFolder();
        TokenizerJson.Write(original, folder.Path);
        Assert.Equal(original.Definition.ToArray(), File.ReadAllBytes(folder.File("tokenizer.json")));
        Assert.Equal(original.Fingerprint, TokenizerFiles.FromFolder(folder.Path).Fingerprint);
    }
}
