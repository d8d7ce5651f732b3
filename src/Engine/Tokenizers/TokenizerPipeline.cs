using FineTuneTool.Engine.Tokenizers.Decoders;
using FineTuneTool.Engine.Tokenizers.Models;
using FineTuneTool.Engine.Tokenizers.PostProcessors;
using FineTuneTool.Engine.Tokenizers.PreTokenizers;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>The parts of a tokenizer in the order in which a text passes them; the normalizer is inside <paramref name="Added"/>.</summary>
internal sealed record TokenizerPipeline(AddedVocabulary Added, PreTokenizer? PreTokenizer, TokenModel Model, PostProcessor? PostProcessor, TokenDecoder Decoder)
{
    public bool DecodesBytes { get; } = Decoder is ByteLevelDecoder;
}

/// <summary>What the files beside tokenizer.json, or a GGUF file's metadata, say about it. Tokens are given as text.</summary>
internal sealed record TokenizerDeclarations(
    string? BosToken = null,
    string? EosToken = null,
    string? UnknownToken = null,
    string? PadToken = null,
    string? ChatTemplate = null,
    IReadOnlyList<int>? EndOfGenerationIds = null);
