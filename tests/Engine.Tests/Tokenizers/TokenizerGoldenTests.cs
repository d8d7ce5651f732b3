using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Tokenizers;

/// <summary>Ids, offsets, decoded texts and streams equal the reference library's, bit for bit.</summary>
public class TokenizerGoldenTests
{
    [Fact]
    public void SmolLM2_equals_the_reference_library() =>
        AssertNone(TokenizerGoldens.Open(TokenizerGoldens.Local, "smollm2").Differences(TokenizerGoldens.Tokenizer(TokenizerGoldens.Local, "smollm2")));

    [SharedFact("models/SmolLM2-135M-Instruct.Q4_1.gguf")]
    public void SmolLM2_from_its_gguf_vocabulary_equals_the_reference_library()
    {
        using var file = GgufFile.Open(Paths.SmolLm2);
        AssertNone(TokenizerGoldens.Open(TokenizerGoldens.Local, "smollm2").Differences(TokenizerFiles.FromGguf(file)));
    }

    [SharedTheory("goldens/text/tokenizers")]
    [InlineData("qwen3")]
    [InlineData("mistral_nemo")]
    [InlineData("roberta_style")]
    [InlineData("spm_bpe")]
    [InlineData("metaspace_first")]
    [InlineData("gemma_style")]
    [InlineData("phi3_style")]
    public void Other_BPE_tokenizers_equal_the_reference_library(string name) =>
        AssertNone(TokenizerGoldens.Open(TokenizerGoldens.Shared, name).Differences(TokenizerGoldens.Tokenizer(TokenizerGoldens.Shared, name)));

    private static void AssertNone(List<string> differences) => Assert.True(differences.Count == 0, $"{differences.Count} differences:\n{string.Join('\n', differences.Take(8))}");
}
