using System.Globalization;
using System.Text.Json.Nodes;

namespace FineTuneTool.Engine.Exports;

/// <summary>
/// What a GGUF file of the kind <c>llama</c> says about a SentencePiece BPE vocabulary that was written as tokenizer.json: a score for each token,
/// by which llama.cpp orders its merges, and whether a text begins with a space.
/// </summary>
internal sealed class SentencePieceScores
{
    private const string Space = "▁";

    private readonly Dictionary<string, float> _scores = new(StringComparer.Ordinal);

    private SentencePieceScores(IEnumerable<string> merged, bool addSpacePrefix)
    {
        foreach (string token in merged)
        {
            _scores.TryAdd(token, -(float)_scores.Count);
        }

        AddSpacePrefix = addSpacePrefix;
    }

    public bool AddSpacePrefix { get; }

    /// <summary>Reads a definition; null where it is no SentencePiece BPE. Spaces are written as ▁, with or without one before the text.</summary>
    /// <param name="merges">The merges as "a b".</param>
    public static SentencePieceScores? Read(JsonObject definition, IReadOnlyList<string> merges)
    {
        bool bytes = definition["model"]?["byte_fallback"] is JsonValue flag && flag.TryGetValue(out bool set) && set;
        return bytes && Prefix(definition["normalizer"], definition["pre_tokenizer"]) is { } prefix
            ? new SentencePieceScores(merges.Select(merge => merge.Replace(" ", "", StringComparison.Ordinal)), prefix) : null;
    }

    /// <summary>Minus the place of a token among the results of the merges; tokens that no merge makes follow in the order of their ids.</summary>
    public float Of(string token)
    {
        if (!_scores.TryGetValue(token, out float score))
        {
            _scores[token] = score = -(float)_scores.Count;
        }

        return score;
    }

    public static bool IsByte(string token) =>
        token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
        && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _);

    private static bool? Prefix(JsonNode? normalizer, JsonNode? preTokenizer)
    {
        JsonNode?[] steps = Text(normalizer, "type") == "Sequence" ? [.. normalizer!["normalizers"] as JsonArray ?? []] : normalizer is null ? [] : [normalizer];
        bool prepends = steps.Length > 0 && Text(steps[0], "type") == "Prepend" && Text(steps[0], "prepend") == Space;
        JsonNode?[] rest = steps[(prepends ? 1 : 0)..];
        bool replaces = rest.Length == 1 && Text(rest[0], "type") == "Replace" && Text(rest[0], "content") == Space && Text(rest[0]!["pattern"], "String") == " ";
        if (Text(preTokenizer, "type") == "Metaspace" && steps.Length == 0 && Text(preTokenizer, "replacement") == Space)
        {
            return Text(preTokenizer, "prepend_scheme") != "never";
        }

        bool wholeText = preTokenizer is null || (Text(preTokenizer, "type") == "Split" && Text(preTokenizer["pattern"], "String") == " " && !prepends);
        return replaces && wholeText ? prepends : null;
    }

    private static string? Text(JsonNode? node, string key) =>
        node is JsonObject map && map[key] is JsonValue value && value.TryGetValue(out string? text) ? text : null;
}
