using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Exports;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Generation;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Exports;

/// <summary>The base model that lies in the repository, made by this tool from random weights and a vocabulary of its own.</summary>
public sealed class QuickstartModelTests : IDisposable
{
    private const string Prompt = "<|im_start|>user\nWrite a story about a shy owl, with the words lamp and snow.<|im_end|>\n<|im_start|>assistant\n";

    private static readonly string Base = Path.Combine(Paths.Repository, "examples", "quickstart", "base", "stories.gguf");

    private readonly ModelFiles _files = ModelFiles.Open(Base);
    private readonly CpuBackend _backend = CpuBackend.Create();
    private readonly Decoder _decoder;
    private readonly Tokenizer _tokenizer;

    public QuickstartModelTests()
    {
        _decoder = Decoder.Load(_files, _backend);
        _tokenizer = TokenizerFiles.FromGguf(((GgufModelFiles)_files).Metadata);
    }

    public void Dispose()
    {
        _decoder.Dispose();
        _backend.Dispose();
        _files.Dispose();
    }

    [Fact]
    public void It_is_small()
    {
        Assert.InRange(new FileInfo(Base).Length, 1_000_000, 4_000_000);
        Assert.InRange(_decoder.Weights.Sum(weight => weight.Shape.Count), 2_000_000, 4_000_000);
        Assert.Equal((2048, 2048, 512, true), (_decoder.Spec.VocabSize, _tokenizer.VocabularySize, _decoder.Spec.MaxPositionEmbeddings, _decoder.Spec.TieWordEmbeddings));
    }

    [Fact]
    public void It_has_the_vocabulary_of_its_pretraining()
    {
        Tokenizer trained = TokenizerFiles.FromFolder(Path.Combine(Paths.Repository, "examples", "quickstart", "pretrain", "model"));
        Assert.Equal(Enumerable.Range(0, 2048).Select(trained.IdToToken), Enumerable.Range(0, 2048).Select(_tokenizer.IdToToken));
        Assert.Equal(trained.ChatTemplate, _tokenizer.ChatTemplate);
        Assert.Equal(trained.EncodeIds(Prompt), _tokenizer.EncodeIds(Prompt));
    }

    [LlamaCppTheory]
    [InlineData(Prompt)]
    [InlineData("Once upon a time, there was a   little fox.\n\n\t\"Don't go!\" it's 12345 o'clock… they'll see.")]
    [InlineData("부엉이가 달을 보았다. Ünïcode 漢字 🦉\r\n  end ")]
    public void The_real_llama_cpp_cuts_texts_into_the_same_tokens(string text) => Assert.Equal(_tokenizer.EncodeIds(text), LlamaCpp.Tokenize(Base, text));

    [LlamaCppFact]
    public void The_real_llama_cpp_tells_the_same_story()
    {
        // As F32: with blocks llama.cpp rounds activations to 8 bits, and so may choose otherwise where two words are nearly as good.
        const int Tokens = 60;
        using var folder = new TemporaryFolder();
        GgufExport.Write(folder["stories.gguf"], _files, _decoder, adapter: null, new GgufExportSettings(ElementType.F32));
        using var logits = new DecoderLogits(_decoder);
        int[] prompt = _tokenizer.EncodeIds("Once upon a time there was a shy owl named Hoot.");
        GenerationResult told = new Generator(logits, _tokenizer).Generate(prompt, new GenerationOptions(SamplingSettings.Greedy with { MaxNewTokens = Tokens }));
        Assert.Equal(told.Ids, LlamaCpp.Greedy(folder["stories.gguf"], prompt, Tokens));
    }
}
