using FineTuneTool.Engine.Tokenizers.Normalizers;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>The "normalizer" of tokenizer.json.</summary>
internal static class NormalizerJson
{
    public static Normalizer? Read(JsonPart part) => part.IsNull ? null : part["type"].Text() switch
    {
        "Sequence" => new SequenceNormalizer([.. part["normalizers"].Items().Select(item => Read(item) ?? throw item.Malformed("is missing"))]),
        "NFC" => new UnicodeNormalizer(compose: true, compatibility: false),
        "NFD" => new UnicodeNormalizer(compose: false, compatibility: false),
        "NFKC" => new UnicodeNormalizer(compose: true, compatibility: true),
        "NFKD" => new UnicodeNormalizer(compose: false, compatibility: true),
        "Lowercase" => new LowercaseNormalizer(),
        "Prepend" => new PrependNormalizer(CodePoints.FromString(part["prepend"].Text())),
        "Replace" => new ReplaceNormalizer(SplitPatternJson.Read(part["pattern"]), CodePoints.FromString(part["content"].Text())),
        "Strip" => new StripNormalizer(part["strip_left"].FlagOr(true), part["strip_right"].FlagOr(true)),
        "StripAccents" => new StripAccentsNormalizer(),
        "ByteLevel" => new ByteLevelNormalizer(),
        string other => throw part.Unsupported($"the normalizer '{other}'"),
    };
}
