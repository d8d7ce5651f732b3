using System.Text.Json;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>
/// A SentencePiece vocabulary and what is done to a text before it, from a tokenizer.model or a GGUF file of the kind <c>llama</c>;
/// written as the tokenizer.json that means the same, in the form that the reference library's converter gives it.
/// </summary>
/// <param name="Tokens">Pieces by id, with ▁ for spaces.</param>
/// <param name="Scores">One per piece: the largest is merged first (BPE), or a logarithm of probability (Unigram).</param>
/// <param name="Types">One per piece.</param>
/// <param name="UnknownId">The piece of what cannot be spelt.</param>
internal sealed record SentencePieceVocabulary(string[] Tokens, float[] Scores, PieceType[] Types, int? UnknownId)
{
    private const string Mark = "▁";

    /// <summary>Unigram instead of BPE.</summary>
    public bool IsUnigram { get; init; }

    /// <summary>A text begins with a space, whether it is written or not.</summary>
    public bool AddSpacePrefix { get; init; } = true;

    /// <summary>Only the very first text does, not one after an added token.</summary>
    public bool OnlyFirst { get; init; }

    /// <summary>Spaces at the ends go, runs of them become one.</summary>
    public bool RemoveExtraSpaces { get; init; }

    /// <summary>The compiled rewriting rules; empty for none.</summary>
    public byte[] CharsMap { get; init; } = [];

    /// <summary>Added tokens beside those that <see cref="Types"/> names; they win over these.</summary>
    public IReadOnlyList<AddedToken> Extra { get; init; } = [];

    /// <summary>The token before every text.</summary>
    public SpecialToken? Before { get; init; }

    /// <summary>The token after every text.</summary>
    public SpecialToken? After { get; init; }

    /// <summary>Raises <see cref="FormatException"/> where the merges would be out of proportion.</summary>
    public byte[] ToJson() => TokenizerDefinition.Write(writer =>
    {
        TokenizerDefinition.WriteAddedTokens(writer, AddedTokens());
        WriteNormalizer(writer);
        WritePreTokenizer(writer);
        TokenizerDefinition.WritePostProcessor(writer, Before, After);
        WriteDecoder(writer);
        writer.WriteStartObject("model");
        if (IsUnigram)
        {
            WriteUnigram(writer);
        }
        else
        {
            WriteBpe(writer);
        }

        writer.WriteEndObject();
    });

    private bool HasBytes => Types.Contains(PieceType.Byte);

    private IEnumerable<AddedToken> AddedTokens()
    {
        var tokens = new SortedDictionary<int, AddedToken>();
        for (int id = 0; id < Tokens.Length; id++)
        {
            if (Types[id] is PieceType.Control or PieceType.UserDefined || id == UnknownId)
            {
                tokens[id] = new AddedToken(id, Tokens[id], Special: Types[id] != PieceType.UserDefined);
            }
        }

        foreach (AddedToken token in Extra)
        {
            tokens[token.Id] = token;
        }

        return tokens.Values;
    }

    private void WriteNormalizer(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("normalizer");
        writer.WriteString("type", "Sequence");
        writer.WriteStartArray("normalizers");
        if (CharsMap.Length > 0)
        {
            // The reference library ignores the second value and applies the rules cluster by cluster.
            writer.WriteStartObject();
            writer.WriteString("type", "Precompiled");
            writer.WriteString("precompiled_charsmap", Convert.ToBase64String(CharsMap));
            writer.WriteBoolean("longest_match", true);
            writer.WriteEndObject();
        }

        if (RemoveExtraSpaces)
        {
            Replace(writer, "Regex", @"\A +| +\z", "");
            Replace(writer, "Regex", " {2,}", " ");
        }

        if (!UsesMetaspace)
        {
            if (AddSpacePrefix)
            {
                Part(writer, "Prepend", ("prepend", Mark));
            }

            Replace(writer, "String", " ", Mark);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>Unigram pieces that have the mark in front only can be found word by word, which is faster and the same.</summary>
    private bool UsesMetaspace => OnlyFirst || IsUnigram;

    private void WritePreTokenizer(Utf8JsonWriter writer)
    {
        if (!UsesMetaspace)
        {
            writer.WriteNull("pre_tokenizer");
            return;
        }

        writer.WriteStartObject("pre_tokenizer");
        writer.WriteString("type", "Metaspace");
        writer.WriteString("replacement", Mark);
        writer.WriteString("prepend_scheme", !AddSpacePrefix ? "never" : OnlyFirst ? "first" : "always");
        writer.WriteBoolean("split", IsUnigram && !Tokens.Any(static token => token.LastIndexOf(Mark[0]) > 0));
        writer.WriteEndObject();
    }

    private void WriteDecoder(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("decoder");
        writer.WriteString("type", "Sequence");
        writer.WriteStartArray("decoders");
        Replace(writer, "String", Mark, " ");
        Part(writer, "ByteFallback");
        Part(writer, "Fuse");
        if (AddSpacePrefix)
        {
            writer.WriteStartObject();
            writer.WriteString("type", "Strip");
            writer.WriteString("content", " ");
            writer.WriteNumber("start", 1);
            writer.WriteNumber("stop", 0);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private void WriteBpe(Utf8JsonWriter writer)
    {
        TokenizerDefinition.WriteBpeSettings(writer, UnknownId is int unknown ? Tokens[unknown] : null, HasBytes, ignoreMerges: false);
        TokenizerDefinition.WriteVocabulary(writer, Tokens, static _ => true);
        writer.WriteStartArray("merges");
        foreach ((int left, int right) in SentencePieceMerges.Find(this))
        {
            writer.WriteStartArray();
            writer.WriteStringValue(Tokens[left]);
            writer.WriteStringValue(Tokens[right]);
            writer.WriteEndArray();
        }

        writer.WriteEndArray();
    }

    private void WriteUnigram(Utf8JsonWriter writer)
    {
        writer.WriteString("type", "Unigram");
        if (UnknownId is int unknown)
        {
            writer.WriteNumber("unk_id", unknown);
        }
        else
        {
            writer.WriteNull("unk_id");
        }

        writer.WriteStartArray("vocab");
        for (int id = 0; id < Tokens.Length; id++)
        {
            writer.WriteStartArray();
            writer.WriteStringValue(Tokens[id]);
            writer.WriteNumberValue((double)Scores[id]);
            writer.WriteEndArray();
        }

        writer.WriteEndArray();
        writer.WriteBoolean("byte_fallback", HasBytes);
    }

    private static void Replace(Utf8JsonWriter writer, string kind, string pattern, string content)
    {
        writer.WriteStartObject();
        writer.WriteString("type", "Replace");
        writer.WriteStartObject("pattern");
        writer.WriteString(kind, pattern);
        writer.WriteEndObject();
        writer.WriteString("content", content);
        writer.WriteEndObject();
    }

    private static void Part(Utf8JsonWriter writer, string type, params (string Name, string Value)[] values)
    {
        writer.WriteStartObject();
        writer.WriteString("type", type);
        foreach ((string name, string value) in values)
        {
            writer.WriteString(name, value);
        }

        writer.WriteEndObject();
    }
}
