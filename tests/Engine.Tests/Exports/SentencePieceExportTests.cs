using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Exports;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Exports;

/// <summary>Models whose vocabulary is of SentencePiece, from one form to the other.</summary>
public class SentencePieceExportTests
{
    private static readonly string Golden = Path.Combine(Paths.Shared, "goldens", "formats", "gguf_models", "tiny-llama2-spm");

    private static readonly string[] VocabularyKeys =
    [
        "tokenizer.ggml.model", "tokenizer.ggml.pre", "tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type",
        "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id", "tokenizer.ggml.unknown_token_id", "tokenizer.ggml.add_bos_token",
    ];

    [SharedFact("goldens/formats/gguf_models")]
    public void A_gguf_file_becomes_a_folder_and_the_folder_a_gguf_file_with_the_same_vocabulary()
    {
        using var folder = new TemporaryFolder();
        using ModelFiles gguf = ModelFiles.Open(Path.Combine(Golden, "convert.F16.gguf"));
        Merge(gguf, folder["hf"]);
        Tokenizer ours = TokenizerFiles.FromFolder(folder["hf"]), original = TokenizerFiles.FromFolder(Path.Combine(Golden, "tiny-llama2-spm"));
        Assert.Equal(original.Special, ours.Special);
        Assert.Equal(original.EncodeIds("The court <s> may  한 hear\n"), ours.EncodeIds("The court <s> may  한 hear\n"));
        AssertVocabulary(((GgufModelFiles)gguf).Metadata, folder["hf"]);
    }

    [SharedFact("goldens/formats/gguf_models")]
    public void A_folder_with_a_model_file_alone_becomes_a_gguf_file()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["hf"]);
        foreach (string name in new[] { "config.json", "model.safetensors", "tokenizer.model", "tokenizer_config.json" })
        {
            File.Copy(Path.Combine(Golden, "tiny-llama2-spm", name), Path.Combine(folder["hf"], name));
        }

        using ModelFiles gguf = ModelFiles.Open(Path.Combine(Golden, "convert.F16.gguf"));
        AssertVocabulary(((GgufModelFiles)gguf).Metadata, folder["hf"]);
    }

    private static void Merge(ModelFiles files, string target)
    {
        using CpuBackend backend = CpuBackend.Create();
        using Decoder decoder = Decoder.Load(files, backend);
        MergedFolderExport.Write(target, files, decoder, null, new MergedFolderSettings(ElementType.F32));
    }

    private static void AssertVocabulary(GgufMetadata expected, string folder)
    {
        using ModelFiles files = ModelFiles.Open(folder);
        using CpuBackend backend = CpuBackend.Create();
        using Decoder decoder = Decoder.Load(files, backend);
        GgufMetadata metadata = GgufExport.Metadata(files, decoder, new GgufExportSettings(ElementType.F16));
        foreach (string key in VocabularyKeys)
        {
            Assert.Equal((key, Text(expected.Find(key))), (key, Text(metadata.Find(key))));
        }
    }

    private static string Text(GgufEntry? entry) => entry?.Value is Array list ? string.Join(' ', list.Cast<object>()) : $"{entry?.Value}";
}
