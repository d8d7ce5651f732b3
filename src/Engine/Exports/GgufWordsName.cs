using System.Text.Json.Nodes;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Exports;

/// <summary>Finds llama.cpp's name (<c>tokenizer.ggml.pre</c>) for how a tokenizer.json splits text into words.</summary>
internal static class GgufWordsName
{
    /// <summary>The name, or null where normalizer, pre-tokenizer and model are no such combination.</summary>
    public static string? Of(JsonObject definition)
    {
        if (definition["model"] is not JsonObject model || Text(model["type"]) is not (null or "BPE") || model["merges"] is not JsonArray || IsTrue(model["byte_fallback"])
            || !IsAbsentOrNfc(definition["normalizer"]) || Rules.Read(definition["pre_tokenizer"]) is not { } rules)
        {
            return null;
        }

        bool ignoresMerges = IsTrue(model["ignore_merges"]);
        return GgufWords.All
            .FirstOrDefault(words => words.Digits == rules.Digits && words.IgnoreMerges == ignoresMerges && words.Patterns.SequenceEqual(rules.Patterns))
            ?.Names[0];
    }

    private static bool IsAbsentOrNfc(JsonNode? normalizer) => normalizer is null || Text((normalizer as JsonObject)?["type"]) == "NFC";

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    private static bool IsTrue(JsonNode? node) => node is JsonValue value && value.TryGetValue(out bool flag) && flag;

    /// <summary>What a pre-tokenizer does, as far as GGUF can name it.</summary>
    private sealed record Rules(bool Digits, IReadOnlyList<string> Patterns)
    {
        public static Rules? Read(JsonNode? node)
        {
            bool digits = false, byteLevel = false, regex = false;
            var patterns = new List<string>();
            IEnumerable<JsonNode?> sequence = Text((node as JsonObject)?["type"]) == "Sequence" ? node!["pretokenizers"] as JsonArray ?? [] : new[] { node };
            foreach (JsonObject? step in sequence.Select(step => step as JsonObject))
            {
                switch (Text(step?["type"]))
                {
                    case "Digits" when IsTrue(step!["individual_digits"]) && !byteLevel && patterns.Count == 0:
                        digits = true;
                        break;
                    case "Split" when Text(step!["behavior"]) == "Isolated" && !IsTrue(step["invert"]) && !byteLevel && Text((step["pattern"] as JsonObject)?["Regex"]) is { } pattern:
                        patterns.Add(pattern);
                        break;
                    case "ByteLevel" when !IsTrue(step!["add_prefix_space"]) && !byteLevel:
                        byteLevel = true;
                        regex = step["use_regex"] is null || IsTrue(step["use_regex"]);
                        break;
                    default:
                        return null;
                }
            }

            return byteLevel && regex == (patterns.Count == 0) ? new Rules(digits, patterns) : null;
        }
    }
}
