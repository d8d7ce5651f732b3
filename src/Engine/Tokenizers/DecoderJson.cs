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
        "WordPiece" => new WordPieceDecoder(part["prefix"].TextOrNull() ?? "##", part["cleanup"].FlagOr(true)),
        "BPEDecoder" => new EndOfWordDecoder(part["suffix"].TextOrNull() ?? "</w>"),
        "CTC" => new CtcDecoder(part["pad_token"].TextOrNull() ?? "<pad>", part["word_delimiter_token"].TextOrNull() ?? "|", part["cleanup"].FlagOr(true)),
        "Metaspace" => new MetaspaceDecoder(char.ConvertFromUtf32(part["replacement"].Point()), PreTokenizerJson.Scheme(part)),
        string other => throw part.Unsupported($"the decoder '{other}'"),
    };

    private static TokenDecoder Sequence(List<TokenDecoder> steps) => steps is [var only] ? only : new SequenceDecoder(steps);
}
