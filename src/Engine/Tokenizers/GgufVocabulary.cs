using System.Text.Json;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>
/// The tokenizer in a GGUF file's metadata (keys <c>tokenizer.ggml.*</c>), written as the tokenizer.json that means the same: byte-level BPE
/// (kind <c>gpt2</c>; what splits words is named by <c>tokenizer.ggml.pre</c>, the names are llama.cpp's) and SentencePiece BPE (kind <c>llama</c>).
/// </summary>
internal sealed class GgufVocabulary
{
    private readonly GgufMetadata _metadata;
    private readonly string[] _tokens;
    private readonly PieceType[] _types;
    private readonly bool _isSentencePiece;

    public GgufVocabulary(GgufMetadata metadata)
    {
        _metadata = metadata;
        string kind = metadata.GetString("tokenizer.ggml.model") ?? throw Bad("It has no key 'tokenizer.ggml.model'.");
        _isSentencePiece = kind == "llama";
        if (kind is not ("gpt2" or "llama"))
        {
            throw Unsupported($"The vocabulary is of the kind '{kind}'");
        }

        _tokens = metadata.GetStrings("tokenizer.ggml.tokens") ?? throw Bad("It has no key 'tokenizer.ggml.tokens'.");
        long[] types = metadata.GetIntegers("tokenizer.ggml.token_type") ?? new long[_tokens.Length];
        if (types.Length != _tokens.Length)
        {
            throw Bad($"It has {_tokens.Length} tokens, but {types.Length} token types.");
        }

        _types = Array.ConvertAll(types, static type => type is >= 0 and <= (long)PieceType.Byte ? (PieceType)type : PieceType.Normal);
    }

    public TokenizerDeclarations Declarations => new(
        Token("bos")?.Text,
        Token("eos")?.Text,
        Token("unknown")?.Text,
        Token("padding")?.Text,
        _metadata.GetString("tokenizer.chat_template"),
        [.. ((string[])["eos", "eot", "eom"]).Select(Id).OfType<int>()]);

    /// <summary>The tokenizer.json that means the same.</summary>
    public byte[] ToJson() => _isSentencePiece ? SentencePieceFolder.Definition(SentencePiece(), _metadata.Path) : ByteLevel();

    private byte[] ByteLevel()
    {
        string pre = _metadata.GetString("tokenizer.ggml.pre") ?? "default";
        GgufWords words = GgufWords.All.FirstOrDefault(candidate => candidate.Names.Contains(pre)) ?? throw Unsupported($"Words are split by the rule '{pre}'");
        return TokenizerDefinition.Write(writer =>
        {
            TokenizerDefinition.WriteAddedTokens(writer, Enumerable.Range(0, _tokens.Length)
                .Where(id => _types[id] is PieceType.Control or PieceType.UserDefined)
                .Select(id => new AddedToken(id, _tokens[id], Special: _types[id] == PieceType.Control)));
            words.Write(writer);
            TokenizerDefinition.WritePostProcessor(writer, Before(words.AddBos), After());
            writer.WritePropertyName("decoder");
            GgufWords.WriteByteLevel(writer, useRegex: true);
            writer.WriteStartObject("model");
            TokenizerDefinition.WriteBpeSettings(writer, null, byteFallback: false, words.IgnoreMerges);

            // Rows that only pad the table have names that could stand in a text; the last of them must stay, as it says how many rows there are.
            TokenizerDefinition.WriteVocabulary(writer, _tokens, id => _types[id] != PieceType.Unused || id == _tokens.Length - 1);
            WriteMerges(writer);
            writer.WriteEndObject();
        });
    }

    /// <summary>Defaults are those of llama.cpp for this kind.</summary>
    private SentencePieceVocabulary SentencePiece()
    {
        float[] scores = [.. (_metadata.GetFloats("tokenizer.ggml.scores") ?? throw Bad("It has no key 'tokenizer.ggml.scores'.")).Select(score => (float)score)];
        if (scores.Length != _tokens.Length)
        {
            throw Bad($"It has {_tokens.Length} tokens, but {scores.Length} scores.");
        }

        return new SentencePieceVocabulary(_tokens, scores, _types, Id("unknown"))
        {
            AddSpacePrefix = _metadata.GetBool("tokenizer.ggml.add_space_prefix") ?? true,
            RemoveExtraSpaces = _metadata.GetBool("tokenizer.ggml.remove_extra_whitespaces") ?? false,
            Before = Before(byDefault: true),
            After = After(),
        };
    }

    private void WriteMerges(Utf8JsonWriter writer)
    {
        writer.WriteStartArray("merges");
        foreach (string merge in _metadata.GetStrings("tokenizer.ggml.merges") ?? throw Bad("It has no key 'tokenizer.ggml.merges'."))
        {
            writer.WriteStringValue(merge);
        }

        writer.WriteEndArray();
    }

    private SpecialToken? Before(bool byDefault) => (_metadata.GetBool("tokenizer.ggml.add_bos_token") ?? byDefault) ? Token("bos") : null;

    private SpecialToken? After() => _metadata.GetBool("tokenizer.ggml.add_eos_token") == true ? Token("eos") : null;

    private int? Id(string role)
    {
        long? id = _metadata.GetInteger($"tokenizer.ggml.{role}_token_id") ?? (_isSentencePiece ? ByDefault(role) : null);
        return id is null ? null
            : id >= 0 && id < _tokens.Length ? (int)id
            : throw Bad($"Its {role} token has the id {id}, but there are {_tokens.Length} tokens.");
    }

    /// <summary>What SentencePiece numbers its own pieces with.</summary>
    private long? ByDefault(string role) => role switch
    {
        "unknown" when _tokens.Length > 0 => 0,
        "bos" when _tokens.Length > 1 => 1,
        "eos" when _tokens.Length > 2 => 2,
        _ => null,
    };

    private SpecialToken? Token(string role) => Id(role) is int id ? new SpecialToken(_tokens[id], id) : null;

    private FineTuneException Bad(string message) =>
        new(Codes.BadTokenizer, message, "Download the file again, or convert the model again with a current converter.", new SourcePosition(_metadata.Path));

    private FineTuneException Unsupported(string message) => new(
        Codes.UnsupportedTokenizer,
        $"{message}, which is not supported.",
        "Use the model's Hugging Face folder with its tokenizer.json, or a GGUF file with a vocabulary of the kind gpt2 or llama.",
        new SourcePosition(_metadata.Path));
}
