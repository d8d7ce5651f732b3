using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Exports;

/// <summary>Adds the keys <c>tokenizer.*</c> of a byte-level or SentencePiece tokenizer.json to the metadata of a GGUF file.</summary>
internal static class GgufTokenizerMetadata
{
    private const int Normal = 1, Control = 3, UserDefined = 4, Unused = 5, Byte = 6;

    /// <summary>Scores of tokens that no merge makes, as llama.cpp's converter gives them.</summary>
    private const float AddedScore = -1000, UnusedScore = -10000;

    /// <param name="rows">Rows of the embedding; ids without a token become unused ones.</param>
    public static void Add(GgufMetadata metadata, HuggingFaceModelFiles files, Tokenizer tokenizer, int rows)
    {
        string path = Path.Combine(files.Path, "tokenizer.json");
        JsonObject definition = JsonFile.Parse(tokenizer.Definition, path, Codes.BadTokenizer);
        if (tokenizer.VocabularySize > rows)
        {
            throw Unsupported(path, $"it has {tokenizer.VocabularySize} tokens for the {rows} rows of the embedding");
        }

        string[] merges = Merges(definition);
        SentencePieceScores? scores = SentencePieceScores.Read(definition, merges);
        string words = scores is not null ? "default"
            : GgufWordsName.Of(definition) ?? throw Unsupported(path, "words are split by a rule that llama.cpp does not know");
        string[] tokens = [.. Enumerable.Range(0, rows).Select(id => tokenizer.IdToToken(id) ?? $"[PAD{id}]")];
        int[] types = Types(tokenizer, rows, isSentencePiece: scores is not null);
        metadata.Add("tokenizer.ggml.model", scores is null ? "gpt2" : "llama");
        metadata.Add("tokenizer.ggml.pre", words);
        metadata.Add("tokenizer.ggml.tokens", tokens);
        if (scores is not null)
        {
            metadata.Add("tokenizer.ggml.scores", tokens.Zip(types, (token, type) => type switch
            {
                Byte => 0,
                Normal => scores.Of(token),
                Unused => UnusedScore,
                _ => AddedScore,
            }).ToArray());
        }

        metadata.Add("tokenizer.ggml.token_type", types);
        if (scores is null)
        {
            metadata.Add("tokenizer.ggml.merges", merges);
        }

        AddSpecialTokens(metadata, files.Config, tokenizer.Special);
        if (scores is { AddSpacePrefix: false })
        {
            metadata.Add("tokenizer.ggml.add_space_prefix", false);
        }

        if (tokenizer.ChatTemplate is { } template)
        {
            metadata.Add("tokenizer.chat_template", template);
        }
    }

    private static int[] Types(Tokenizer tokenizer, int rows, bool isSentencePiece)
    {
        var added = tokenizer.AddedTokens.ToDictionary(token => token.Id);
        return [.. Enumerable.Range(0, rows).Select(id => tokenizer.IdToToken(id) switch
        {
            null => Unused,
            _ when added.TryGetValue(id, out AddedToken? token) => token.Special || LooksSpecial(token.Content) ? Control : UserDefined,
            { } text when isSentencePiece && SentencePieceScores.IsByte(text) => Byte,
            _ => Normal,
        })];
    }

    private static void AddSpecialTokens(GgufMetadata metadata, JsonObject config, SpecialTokens special)
    {
        AddId("bos", special.BosToken, "bos_token_id");
        AddId("eos", special.EosToken, "eos_token_id");
        AddId("unknown", special.UnknownToken, "unk_token_id");
        AddId("padding", special.PadToken, "pad_token_id");
        metadata.Add("tokenizer.ggml.add_bos_token", special.AddBosToken);
        metadata.Add("tokenizer.ggml.add_eos_token", special.AddEosToken);

        void AddId(string role, SpecialToken? token, string key)
        {
            if ((token?.Id ?? Id(config[key])) is { } id)
            {
                metadata.Add($"tokenizer.ggml.{role}_token_id", (uint)id);
            }
        }
    }

    /// <summary>An id of config.json: a number, or a list of which the first counts.</summary>
    private static int? Id(JsonNode? node) =>
        (node is JsonArray { Count: > 0 } list ? list[0] : node) is JsonValue value && value.TryGetValue(out int id) && id >= 0 ? id : null;

    /// <summary>Added tokens that llama.cpp's converter takes for control tokens though they are not marked as special.</summary>
    private static bool LooksSpecial(string token) =>
        token is "<pad>" or "<mask>" or "<2mass>" or "[@BOS@]"
        || (token.StartsWith("<|", StringComparison.Ordinal) && token.EndsWith("|>", StringComparison.Ordinal))
        || (token.StartsWith("<｜", StringComparison.Ordinal) && token.EndsWith("｜>", StringComparison.Ordinal))
        || (token.StartsWith("<unused", StringComparison.Ordinal) && token.EndsWith('>'));

    /// <summary>Merges as texts "a b"; a space inside a half is written as in the byte alphabet.</summary>
    private static string[] Merges(JsonObject definition) =>
    [
        .. (definition["model"]?["merges"] as JsonArray ?? []).Select(merge => merge!.GetValueKind() == JsonValueKind.String
            ? merge.GetValue<string>()
            : string.Join(' ', merge.AsArray().Select(half => half!.GetValue<string>().Replace(' ', 'Ġ')))),
    ];

    private static FineTuneException Unsupported(string path, string problem) => new(
        Codes.UnsupportedTokenizer, $"The tokenizer cannot be written as GGUF: {problem}.", "Export the merged folder instead.", new SourcePosition(path));
}
