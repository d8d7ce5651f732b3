using System.Text.Encodings.Web;
using System.Text.Json;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>Writes the parts of a tokenizer.json that vocabularies of other formats have in common.</summary>
internal static class TokenizerDefinition
{
    /// <summary>An object of tokenizer.json; what <paramref name="parts"/> writes comes after the version.</summary>
    public static byte[] Write(Action<Utf8JsonWriter> parts)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteString("version", "1.0");
            writer.WriteNull("truncation");
            writer.WriteNull("padding");
            parts(writer);
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    public static void WriteAddedTokens(Utf8JsonWriter writer, IEnumerable<AddedToken> tokens)
    {
        writer.WriteStartArray("added_tokens");
        foreach (AddedToken token in tokens)
        {
            writer.WriteStartObject();
            writer.WriteNumber("id", token.Id);
            writer.WriteString("content", token.Content);
            writer.WriteBoolean("single_word", token.SingleWord);
            writer.WriteBoolean("lstrip", token.LStrip);
            writer.WriteBoolean("rstrip", token.RStrip);
            writer.WriteBoolean("normalized", token.Normalized);
            writer.WriteBoolean("special", token.Special);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>The post-processor that puts a token before and one after the text; null where neither is wanted.</summary>
    public static void WritePostProcessor(Utf8JsonWriter writer, SpecialToken? before, SpecialToken? after)
    {
        if (before is null && after is null)
        {
            writer.WriteNull("post_processor");
            return;
        }

        writer.WriteStartObject("post_processor");
        writer.WriteString("type", "TemplateProcessing");
        WriteTemplate(writer, "single", before, after, ["A"]);
        WriteTemplate(writer, "pair", before, after, ["A", "B"]);
        writer.WriteStartObject("special_tokens");
        foreach (SpecialToken token in new[] { before, after }.OfType<SpecialToken>().DistinctBy(token => token.Text))
        {
            writer.WriteStartObject(token.Text);
            writer.WriteString("id", token.Text);
            writer.WriteStartArray("ids");
            writer.WriteNumberValue(token.Id);
            writer.WriteEndArray();
            writer.WriteStartArray("tokens");
            writer.WriteStringValue(token.Text);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    /// <summary>The model's type and the settings that all BPE models have, up to the vocabulary.</summary>
    public static void WriteBpeSettings(Utf8JsonWriter writer, string? unknown, bool byteFallback, bool ignoreMerges)
    {
        writer.WriteString("type", "BPE");
        writer.WriteNull("dropout");
        writer.WriteString("unk_token", unknown);
        writer.WriteNull("continuing_subword_prefix");
        writer.WriteNull("end_of_word_suffix");
        writer.WriteBoolean("fuse_unk", unknown is not null);
        writer.WriteBoolean("byte_fallback", byteFallback);
        writer.WriteBoolean("ignore_merges", ignoreMerges);
    }

    /// <summary>The object of tokens and ids; of equal tokens the first counts.</summary>
    public static void WriteVocabulary(Utf8JsonWriter writer, IReadOnlyList<string> tokens, Func<int, bool> isWanted)
    {
        writer.WriteStartObject("vocab");
        var seen = new HashSet<string>();
        for (int id = 0; id < tokens.Count; id++)
        {
            if (isWanted(id) && seen.Add(tokens[id]))
            {
                writer.WriteNumber(tokens[id], id);
            }
        }

        writer.WriteEndObject();
    }

    private static void WriteTemplate(Utf8JsonWriter writer, string name, SpecialToken? before, SpecialToken? after, string[] sequences)
    {
        writer.WriteStartArray(name);
        for (int i = 0; i < sequences.Length; i++)
        {
            WritePiece(writer, "SpecialToken", before?.Text, i);
            WritePiece(writer, "Sequence", sequences[i], i);
            WritePiece(writer, "SpecialToken", after?.Text, i);
        }

        writer.WriteEndArray();
    }

    private static void WritePiece(Utf8JsonWriter writer, string kind, string? id, int type)
    {
        if (id is not null)
        {
            writer.WriteStartObject();
            writer.WriteStartObject(kind);
            writer.WriteString("id", id);
            writer.WriteNumber("type_id", type);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
    }
}
