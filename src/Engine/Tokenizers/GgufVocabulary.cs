using System.Text.Json;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>
/// The tokenizer in a GGUF file's metadata (keys <c>tokenizer.ggml.*</c>), written as the tokenizer.json that means the same. Only byte-level
/// BPE (kind <c>gpt2</c>); what splits words is named by <c>tokenizer.ggml.pre</c>, the names are llama.cpp's.
/// </summary>
internal sealed class GgufVocabulary
{
    private const int ControlType = 3;
    private const int UserDefinedType = 4;
    private const int UnusedType = 5;

    private readonly GgufMetadata _metadata;
    private readonly string[] _tokens;
    private readonly long[] _types;

    public GgufVocabulary(GgufMetadata metadata)
    {
        _metadata = metadata;
        string kind = metadata.GetString("tokenizer.ggml.model") ?? throw Bad("It has no key 'tokenizer.ggml.model'.");
        if (kind != "gpt2")
        {
            throw Unsupported($"The vocabulary is of the kind '{kind}'");
        }

        _tokens = metadata.GetStrings("tokenizer.ggml.tokens") ?? throw Bad("It has no key 'tokenizer.ggml.tokens'.");
        _types = metadata.GetIntegers("tokenizer.ggml.token_type") ?? new long[_tokens.Length];
        if (_types.Length != _tokens.Length)
        {
            throw Bad($"It has {_tokens.Length} tokens, but {_types.Length} token types.");
        }
    }

    public TokenizerDeclarations Declarations => new(
        Token("bos"),
        Token("eos"),
        Token("unknown"),
        Token("padding"),
        _metadata.GetString("tokenizer.chat_template"),
        [.. ((string[])["eos", "eot", "eom"]).Select(Id).OfType<int>()]);

    /// <summary>The tokenizer.json that means the same.</summary>
    public byte[] ToJson()
    {
        string pre = _metadata.GetString("tokenizer.ggml.pre") ?? "default";
        GgufWords words = GgufWords.All.FirstOrDefault(candidate => candidate.Names.Contains(pre)) ?? throw Unsupported($"Words are split by the rule '{pre}'");
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteString("version", "1.0");
            writer.WriteNull("truncation");
            writer.WriteNull("padding");
            WriteAddedTokens(writer);
            words.Write(writer);
            WritePostProcessor(writer, words);
            writer.WritePropertyName("decoder");
            GgufWords.WriteByteLevel(writer, useRegex: true);
            WriteModel(writer, words.IgnoreMerges);
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    private void WriteAddedTokens(Utf8JsonWriter writer)
    {
        writer.WriteStartArray("added_tokens");
        for (int id = 0; id < _tokens.Length; id++)
        {
            if (_types[id] is not (ControlType or UserDefinedType))
            {
                continue;
            }

            writer.WriteStartObject();
            writer.WriteNumber("id", id);
            writer.WriteString("content", _tokens[id]);
            foreach (string flag in (string[])["single_word", "lstrip", "rstrip", "normalized"])
            {
                writer.WriteBoolean(flag, false);
            }

            writer.WriteBoolean("special", _types[id] == ControlType);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private void WritePostProcessor(Utf8JsonWriter writer, GgufWords words)
    {
        string? before = (_metadata.GetBool("tokenizer.ggml.add_bos_token") ?? words.AddBos) ? Token("bos") : null;
        string? after = _metadata.GetBool("tokenizer.ggml.add_eos_token") == true ? Token("eos") : null;
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
        WriteSpecialToken(writer, "bos", before);
        if (after != before)
        {
            WriteSpecialToken(writer, "eos", after);
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private void WriteSpecialToken(Utf8JsonWriter writer, string role, string? token)
    {
        if (token is not null)
        {
            writer.WriteStartObject(token);
            writer.WriteString("id", token);
            writer.WriteStartArray("ids");
            writer.WriteNumberValue(Id(role)!.Value);
            writer.WriteEndArray();
            writer.WriteStartArray("tokens");
            writer.WriteStringValue(token);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
    }

    private static void WriteTemplate(Utf8JsonWriter writer, string name, string? before, string? after, string[] sequences)
    {
        writer.WriteStartArray(name);
        for (int i = 0; i < sequences.Length; i++)
        {
            WritePiece(writer, "SpecialToken", before, i);
            WritePiece(writer, "Sequence", sequences[i], i);
            WritePiece(writer, "SpecialToken", after, i);
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

    private void WriteModel(Utf8JsonWriter writer, bool ignoreMerges)
    {
        writer.WriteStartObject("model");
        writer.WriteString("type", "BPE");
        writer.WriteNull("dropout");
        writer.WriteNull("unk_token");
        writer.WriteNull("continuing_subword_prefix");
        writer.WriteNull("end_of_word_suffix");
        writer.WriteBoolean("fuse_unk", false);
        writer.WriteBoolean("byte_fallback", false);
        writer.WriteBoolean("ignore_merges", ignoreMerges);
        writer.WriteStartObject("vocab");
        var seen = new HashSet<string>();
        for (int id = 0; id < _tokens.Length; id++)
        {
            // Rows that only pad the table have names that could stand in a text; the last of them must stay, as it says how many rows there are.
            bool padding = _types[id] == UnusedType && id < _tokens.Length - 1;
            if (!padding && seen.Add(_tokens[id]))
            {
                writer.WriteNumber(_tokens[id], id);
            }
        }

        writer.WriteEndObject();
        writer.WriteStartArray("merges");
        foreach (string merge in _metadata.GetStrings("tokenizer.ggml.merges") ?? throw Bad("It has no key 'tokenizer.ggml.merges'."))
        {
            writer.WriteStringValue(merge);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private int? Id(string role)
    {
        long? id = _metadata.GetInteger($"tokenizer.ggml.{role}_token_id");
        return id is null ? null
            : id >= 0 && id < _tokens.Length ? (int)id
            : throw Bad($"Its {role} token has the id {id}, but there are {_tokens.Length} tokens.");
    }

    private string? Token(string role) => Id(role) is int id ? _tokens[id] : null;

    private FineTuneException Bad(string message) =>
        new(Codes.BadTokenizer, message, "Download the file again, or convert the model again with a current converter.", new SourcePosition(_metadata.Path));

    private FineTuneException Unsupported(string message) => new(
        Codes.UnsupportedTokenizer,
        $"{message}, which is not supported.",
        "Use the model's Hugging Face folder with its tokenizer.json, or a GGUF file with a byte-level BPE vocabulary.",
        new SourcePosition(_metadata.Path));
}
