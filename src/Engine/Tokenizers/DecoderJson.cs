using FineTuneTool.Engine.Tokenizers.Decoders;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>The "decoder" of tokenizer.json.</summary>
internal static class DecoderJson
{
    public static TokenDecoder Read(JsonPart part) => part["type"].Text() switch
    {
        "Sequence" => Sequence([.. part["decoders"].Items().Select(Read)]),
        "ByteLevel" => new ByteLevelDecoder(),
        "ByteFallback" => new ByteFallbackDecoder(),
        "Fuse" => new FuseDecoder(),
        "Replace" => new ReplaceDecoder(SplitPatternJson.Read(part["pattern"]), part["content"].Text()),
        "Strip" => new StripDecoder(part["content"].Point(), part["start"].IntegerOr(0), part["stop"].IntegerOr(0)),
        "Metaspace" => new MetaspaceDecoder(part["replacement"].Text(), PreTokenizerJson.Scheme(part)),
        string other => throw part.Unsupported($"the decoder '{other}'"),
    };

    private static TokenDecoder Sequence(List<TokenDecoder> steps) => steps is [var only] ? only : new SequenceDecoder(steps);
}
