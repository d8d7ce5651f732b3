using System.Text.Json;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>How a byte-level vocabulary of a GGUF file splits text into words, by the names that <c>tokenizer.ggml.pre</c> may have.</summary>
/// <param name="Names">The names, as llama.cpp writes them.</param>
/// <param name="Patterns">Patterns whose matches are pieces; without any, GPT-2's words.</param>
/// <param name="Digits">Every digit is a piece.</param>
/// <param name="Nfc">The original tokenizer composes the text first.</param>
/// <param name="IgnoreMerges">A piece that is a token is taken whole.</param>
internal sealed record GgufWords(string[] Names, string[] Patterns, bool Digits = false, bool Nfc = false, bool IgnoreMerges = false)
{
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
