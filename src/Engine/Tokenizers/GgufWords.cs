using System.Text.Json;
using FineTuneTool.Engine.Tokenizers.PreTokenizers;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>How a byte-level vocabulary of a GGUF file splits text into words, by the names that <c>tokenizer.ggml.pre</c> may have.</summary>
/// <param name="Names">The names, as llama.cpp writes them.</param>
/// <param name="Patterns">Patterns whose matches are pieces; without any, GPT-2's words.</param>
/// <param name="Digits">Every digit is a piece.</param>
/// <param name="Nfc">The original tokenizer composes the text first.</param>
/// <param name="IgnoreMerges">A piece that is a token is taken whole.</param>
/// <param name="AddBos">The text begins with the bos token where the file does not say otherwise.</param>
internal sealed record GgufWords(string[] Names, string[] Patterns, bool Digits = false, bool Nfc = false, bool IgnoreMerges = false, bool AddBos = false)
{
    private const string DefaultWords = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)";

    private const string DeepSeekWords =
        @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public static readonly IReadOnlyList<GgufWords> All =
    [
        new(["default"], [@"[\p{P}\$\+<=>\^~\|]+", DefaultWords, @"\p{N}+", "[0-9][0-9][0-9]"]),
        new(["gpt-2", "phi-2", "jina-es", "jina-de", "mpt", "olmo", "jais", "trillion", "granite-docling"], []),
        new(["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"], [], Digits: true),
        new(["llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral", "lfm2"], [Llama3Pattern.Llama3Regex], IgnoreMerges: true, AddBos: true),
        new(["dbrx", "smaug-bpe"], [Llama3Pattern.Llama3Regex]),
        new(["qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan"], [Llama3Pattern.Qwen2Regex], Nfc: true),
        new(["tekken"], [CaseAwarePattern.TekkenRegex], IgnoreMerges: true, AddBos: true),
        new(["gpt-4o", "llama4"], [CaseAwarePattern.O200kRegex], IgnoreMerges: true),
        new(["deepseek-v3"], [@"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", DeepSeekWords]),
    ];

    /// <summary>Writes the normalizer and the pre-tokenizer.</summary>
    public void Write(Utf8JsonWriter writer)
    {
        if (Nfc)
        {
            writer.WriteStartObject("normalizer");
            writer.WriteString("type", "NFC");
            writer.WriteEndObject();
        }
        else
        {
            writer.WriteNull("normalizer");
        }

        writer.WriteStartObject("pre_tokenizer");
        writer.WriteString("type", "Sequence");
        writer.WriteStartArray("pretokenizers");
        if (Digits)
        {
            writer.WriteStartObject();
            writer.WriteString("type", "Digits");
            writer.WriteBoolean("individual_digits", true);
            writer.WriteEndObject();
        }

        foreach (string pattern in Patterns)
        {
            writer.WriteStartObject();
            writer.WriteString("type", "Split");
            writer.WriteStartObject("pattern");
            writer.WriteString("Regex", pattern);
            writer.WriteEndObject();
            writer.WriteString("behavior", "Isolated");
            writer.WriteBoolean("invert", false);
            writer.WriteEndObject();
        }

        WriteByteLevel(writer, useRegex: Patterns.Length == 0);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    public static void WriteByteLevel(Utf8JsonWriter writer, bool useRegex)
    {
        writer.WriteStartObject();
        writer.WriteString("type", "ByteLevel");
        writer.WriteBoolean("add_prefix_space", false);
        writer.WriteBoolean("trim_offsets", true);
        writer.WriteBoolean("use_regex", useRegex);
        writer.WriteEndObject();
    }
}
