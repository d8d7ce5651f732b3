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
        "Nmt" => new NmtNormalizer(),
        "Precompiled" => new PrecompiledNormalizer(CharsMap(part["precompiled_charsmap"]), part["longest_match"].FlagOr(false)),
        "BertNormalizer" => Bert(part),
        string other => throw part.Unsupported($"the normalizer '{other}'"),
    };

    private static BertNormalizer Bert(JsonPart part)
    {
        bool lowercase = part["lowercase"].FlagOr(true);
        return new BertNormalizer(part["clean_text"].FlagOr(true), part["handle_chinese_chars"].FlagOr(true), part["strip_accents"].FlagOr(lowercase), lowercase);
    }

    private static CharsMap CharsMap(JsonPart part)
    {
        try
        {
            return new CharsMap(Convert.FromBase64String(part.Text()));
        }
        catch (FormatException problem)
        {
            throw part.Malformed(problem.Message.StartsWith("has", StringComparison.Ordinal) ? problem.Message : "is not base64");
        }
    }
}
